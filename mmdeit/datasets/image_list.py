"""Lists of images, checked before any image is opened."""
import os
import re
from pathlib import Path

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


def check_image_list(ann_file: str, root: str, labelled: bool) -> None:
    """Refuse a line of a text file that lies outside the images' folder.

    Of a labelled list, also a line that does not end in a label.
    """
    lines = Path(ann_file).read_text().removesuffix('\n').split('\n')
    for number, line in enumerate(map(str.strip, lines), 1):
        problem = ''
        path, _, label = line.rpartition(' ')
        if not inside(root, line):
            problem = f'lies outside the folder of the images, {root}'
        elif labelled and not (path and label.isdecimal()):
            problem = ('has no label: write PATH LABEL, with a number from 0, '
                       'or set with_label=False')
        if problem:
            raise ValueError(f'{ann_file}, line {number}: {line!r} {problem}')
