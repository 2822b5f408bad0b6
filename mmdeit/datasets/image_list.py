"""Lists of images, checked before any image is opened."""
import os
import re
from pathlib import Path

# An absolute path, a drive, an address, or '..' among the folders. White space
# may follow, where a line goes on with the label.
_OUTSIDE = re.compile(
    r'[/\\]|[^/\\]*:[/\\]|(?:.*[/\\])?\.\.(?:[/\\\s]|$)')


def inside(folder: str, path: str) -> bool:
    """Whether a path, by its text, stays inside a folder.

    Symbolic links are not resolved: whoever set one wanted it followed.

    Args:
        folder (str): The folder, of any file backend.
        path (str): Relative to the folder, or beginning with it.

    Returns:
        bool: False for ``..`` anywhere below the folder, and for absolute
        paths, drives and addresses elsewhere.
    """
    if not _OUTSIDE.match(path):
        return True
    root = os.path.join(folder, '')
    return path.startswith(root) and not _OUTSIDE.match(path[len(root):])


def check_image_list(ann_file: str, root: str, labelled: bool) -> None:
    """Check that a list has labels and stays inside the images' folder.

    Args:
        ann_file (str): A text file; each line is a path, see :func:`inside`,
            and mostly a label.
        root (str): The images' folder.
        labelled (bool): Whether each line has to end in a label.

    Raises:
        ValueError: If a line lies outside, or has no label.
    """
    lines = Path(ann_file).read_text().removesuffix('\n').split('\n')
    for number, line in enumerate(map(str.strip, lines), 1):
        if not inside(root, line):
            raise ValueError(
                f'{ann_file}, line {number}: {line!r} lies outside the folder '
                f'of the images, {root}')
        path, _, label = line.rpartition(' ')
        if labelled and not (path and label.isdecimal()):
            raise ValueError(
                f'{ann_file}, line {number}: {line!r} has no label: write PATH '
                'LABEL, with a number from 0, or set with_label=False')
