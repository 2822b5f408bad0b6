"""Whether what a tool is to write can be written, before it works for it."""
import os
from pathlib import Path


def check_output(path: str | Path, option: str, folder: bool = False) -> None:
    """Check that a file, or a folder, can be written where an option says.

    Its folders need not be there yet.
    """
    if '://' in str(path):
        return
    path = Path(path).expanduser()
    if path.exists() and path.is_dir() != folder:
        kind = 'a file' if folder else 'a folder'
        raise OSError(f'{option} {path} is {kind}: give another name')
    parent = path
    while not parent.exists():
        parent = parent.parent
    if parent != path and not parent.is_dir():
        raise OSError(f'{option} {path}: {parent} is a file: give another name')
    if not os.access(parent, os.W_OK):
        raise OSError(f'{option} {path}: {parent} cannot be written: give '
                      'another name, or make it writable')
