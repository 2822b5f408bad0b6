"""A check on lists of images, before any of them is opened."""
import re
from pathlib import Path

# an absolute path, or one with '..' in it
_OUTSIDE = re.compile(
    r'^[/\\].*|^[A-Za-z]:[/\\].*|^(?:.*[/\\])?\.\.(?:[/\\ \t].*)?$', re.M)


def check_image_list(ann_file: str, root: str) -> None:
    """Refuse a list that leads out of the folder of the images.

    Symbolic links are followed, as they are somebody's decision.

    Args:
        ann_file (str): A text file; each line is a path relative to the
            images' folder and, mostly, a label.
        root (str): The images' folder, for the message.

    Raises:
        ValueError: If an entry lies outside.
    """
    text = Path(ann_file).read_text()
    entry = _OUTSIDE.search(text)
    if entry is not None:
        line = text.count('\n', 0, entry.start()) + 1
        raise ValueError(
            f'{ann_file}, line {line}: {entry[0]!r} lies outside the folder '
            f'of the images, {root}: write a path relative to that folder, '
            "without '..'")
