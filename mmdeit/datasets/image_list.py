"""A check on lists of images, before any of them is opened."""
import re
from pathlib import Path

# an absolute path, or one with '..' in it
_OUTSIDE = re.compile(
    r'^[/\\].*|^[A-Za-z]:[/\\].*|^(?:.*[/\\])?\.\.(?:[/\\ \t].*)?$', re.M)
# a line that does not end in a number
_UNLABELLED = re.compile(r'^(?!.*\S \d+[ \t\r]*$).*$', re.M)


def check_image_list(ann_file: str, root: str, labelled: bool) -> None:
    """Refuse a list that lacks a label, or leads out of the images' folder.

    Symbolic links are followed, as they are somebody's decision.

    Args:
        ann_file (str): A text file; each line is a path relative to the
            images' folder and, mostly, a label.
        root (str): The images' folder, for the message.
        labelled (bool): Whether each line has to end in a label.

    Raises:
        ValueError: If an entry lies outside, or has no label.
    """
    text = Path(ann_file).read_text().removesuffix('\n')
    entry = _OUTSIDE.search(text)
    if entry is not None:
        raise ValueError(
            f'{ann_file}, line {_line(text, entry)}: {entry[0]!r} lies outside '
            f'the folder of the images, {root}: write a path relative to that '
            "folder, without '..'")
    entry = _UNLABELLED.search(text) if labelled else None
    if entry is not None:
        raise ValueError(
            f'{ann_file}, line {_line(text, entry)}: {entry[0].strip()!r} has '
            'no label: write PATH LABEL, with a number from 0, or set '
            'with_label=False')


def _line(text: str, entry: re.Match) -> int:
    return text.count('\n', 0, entry.start()) + 1
