"""Lists of images, checked before any image is opened."""
import codecs
import os
import re
from pathlib import Path

from mmengine.logging import print_log

# The label of an image that has none
UNLABELLED = -1

# An absolute path, a drive, an address, or '..' among the folders. White space
# may follow, where a line goes on with the label.
_OUTSIDE = re.compile(
    r'[/\\]|[^/\\]*:[/\\]|(?:.*[/\\])?\.\.(?:[/\\\s]|$)')


def inside(folder: str, path: str) -> bool:
    """Whether a path, by its text, stays inside a folder of any backend.

    It may be relative to the folder or begin with it. Symbolic links are not
    resolved: whoever set one wanted it followed.
    """
    if not _OUTSIDE.match(path):
        return True
    root = os.path.join(folder, '')
    return path.startswith(root) and not _OUTSIDE.match(path[len(root):])


def read_text(path: str) -> str:
    """Read a file as mmengine does, which takes UTF-8 without a mark.

    Raises:
        ValueError: If it is empty or has another encoding.
    """
    data = Path(path).read_bytes()
    if not data.strip():
        raise ValueError(f'{path} is empty')
    text, line, encoding = '', 1, 'UTF-16'
    try:
        text = data.decode()
    except UnicodeDecodeError as error:
        if not data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
            line = data.count(b'\n', 0, error.start) + 1
            encoding = 'Latin-1 or another'
    if text.startswith('\ufeff'):
        encoding = 'UTF-8 with a mark'
    elif text and '\0' not in text:
        return text.replace('\r\n', '\n').replace('\r', '\n')
    raise ValueError(
        f'{path}, line {line}: the file is {encoding}, not plain UTF-8: save '
        'it as UTF-8 without a byte order mark')


def check_image_list(ann_file: str,
                     root: str,
                     labelled: bool,
                     num_classes: int | None = None,
                     unlabelled: bool = False) -> None:
    """Refuse a line of a text file that lies outside the images' folder.

    Of a labelled list, also a line that does not end in a label from 0 to
    ``num_classes - 1``, where that is known; -1 only where images without
    a label (``unlabelled``) are taken.
    """
    lines = read_text(ann_file).removesuffix('\n').split('\n')
    missing = 0
    for number, line in enumerate(lines, 1):
        line = line.strip()
        problem = ''
        if not line:
            problem = 'is empty: remove it'
        elif not inside(root, line):
            problem = f'lies outside the folder of the images, {root}'
        elif labelled:
            path, _, label = line.rpartition(' ')
            problem = _label_problem(label, num_classes) if path else _NO_LABEL
            if unlabelled and path and label == str(UNLABELLED):
                problem, missing = '', missing + 1
        if problem:
            raise ValueError(f'{ann_file}, line {number}: {line!r} {problem}')
    if missing:
        print_log(f'{ann_file}: {missing} of {len(lines)} images have no label '
                  'and learn from the teacher alone')


_NO_LABEL = ('has no label: write PATH LABEL, with a space between them and a '
             'number from 0, or set with_label=False')
_NOT_WHOLE = 'has the label {}: labels are whole numbers from 0'


def _label_problem(label: str, num_classes: int | None) -> str:
    """What is wrong with a label in a text, or nothing."""
    try:
        return label_problem(int(label), num_classes)
    except ValueError:
        pass
    try:
        float(label)
    except ValueError:
        return _NO_LABEL
    return _NOT_WHOLE.format(label)


def label_problem(label: object, num_classes: int | None) -> str:
    """What is wrong with a label, or nothing; any number of classes is None."""
    if not isinstance(label, (int, float)) or label % 1:
        return _NOT_WHOLE.format(repr(label))
    if label < 0 or num_classes is not None and label >= num_classes:
        last = 'K - 1' if num_classes is None else num_classes - 1
        return (f'has the label {label}: labels are 0 to {last}, correct it or '
                'num_classes')
    return ''
