"""Folders of images whose names are classes."""
import os
from collections.abc import Callable, Sequence

from mmdeit.class_names import nearest, quote

# What notebooks, version control, macOS and network disks leave behind.
HIDDEN = ('.', '__MACOSX', '@eaDir', 'lost+found')


def find_class_folders(root: str) -> list[str]:
    """The names of the folders in a local one, sorted, without hidden ones.

    Raises:
        ValueError: If there are none.
    """
    with os.scandir(root) as entries:
        found = sorted(entry.name for entry in entries
                       if entry.is_dir() and not entry.name.startswith(HIDDEN))
    if not found:
        raise ValueError(f'{root} has no folders of classes: put the images '
                         'into one for each class, or correct data_prefix')
    return found


def map_folders(folders: Sequence[str],
                classes: Sequence[str] | None) -> dict[str, int]:
    """The label of each folder.

    Without ``classes``, folders are numbered in their order. With them, a
    folder has the label of the class of its name, and a class may have no
    folder; or no folder has the name of a class, as ImageNet's ``n01440764``
    and ``'tench'``, and they are as many and in the same order.

    Raises:
        ValueError: If neither is the case.
    """
    in_order = {name: label for label, name in enumerate(folders)}
    if classes is None:
        return in_order
    classes = list(map(str, classes))  # '0,1,2' of a command line are numbers
    labels = {name: label for label, name in enumerate(classes)}
    strange = [name for name in folders if name not in labels]
    if not strange and len(labels) == len(classes):
        return {name: labels[name] for name in folders}
    if not strange:
        raise ValueError('classes names a class twice: name each once')
    near = nearest(strange[0], classes)
    if not near and len(strange) == len(folders) < len(classes):
        raise ValueError(
            f'{len(folders)} folders, as {quote(folders)}, are too few for '
            f'{len(classes)} classes of other names: add an empty one for each '
            'class without images, or name the folders as the classes')
    if near or len(strange) < len(folders) or len(folders) != len(classes):
        hint = f', nearest is {near!r}' if near else ''
        raise ValueError(
            f'no class is named as the folders {quote(strange)}{hint}: rename '
            f'them, or set classes to the names of all {len(folders)} folders')
    if all(map(str.isdecimal, folders)) and sorted(folders, key=int) != folders:
        raise ValueError(
            f'the order of the numbered folders is {quote(folders)}, not that '
            'of classes: name the folders as the classes')
    return in_order


class FolderScan:
    """One walk through local folders of images.

    Hidden files and folders are not read, links are followed, and images are
    in mmpretrain's order.

    Args:
        root (str): The folder that paths are relative to.
        is_image (Callable[[str], bool]): Whether a file of this name is read.
    """

    def __init__(self, root: str, is_image: Callable[[str], bool]) -> None:
        self.root = root
        self.is_image = is_image
        # what is not read, or not as it seems: its paths, by what it is
        self.noted: dict[str, list[str]] = {}

    def images(self, folder: str) -> list[str]:
        """The images in a folder and those below it, sorted."""
        found: list[str] = []
        self._walk(folder, found)
        return sorted(found)

    def note_beside(self) -> None:
        """Note the images that are in no folder of a class."""
        with os.scandir(self.root) as entries:
            for entry in entries:
                if not entry.name.startswith(HIDDEN) and entry.is_file() and (
                        self.is_image(entry.name)):
                    self._note('images in no folder of a class', entry.name)

    def summary(self) -> str:
        """What was noted, with the number and the first of each kind."""
        return ', '.join(f'{kind}: {len(paths)} ({min(paths)})'
                         for kind, paths in sorted(self.noted.items()))

    def _note(self, kind: str, path: str) -> None:
        self.noted.setdefault(kind, []).append(path)

    def _walk(self, folder: str, found: list[str]) -> None:
        with os.scandir(os.path.join(self.root, folder)) as entries:
            for entry in entries:
                path = os.path.join(folder, entry.name)
                if entry.is_dir():
                    self._enter(entry, path, found)
                elif entry.name.startswith(HIDDEN):
                    pass
                elif not entry.is_file():
                    self._note('broken links' if entry.is_symlink()
                               else 'special files', path)
                elif self.is_image(entry.name):
                    found.append(path)
                else:
                    ending = os.path.splitext(entry.name)[1].lower()
                    self._note(f'files ending in {ending}' if ending
                               else 'files without an ending', path)

    def _enter(self, entry: os.DirEntry, path: str, found: list[str]) -> None:
        if entry.name.startswith(HIDDEN):
            self._note('hidden folders', path)
            return
        if entry.is_symlink():  # one that leads upwards has no end
            here = os.path.realpath(os.path.dirname(entry.path))
            above = os.path.realpath(entry.path)
            if os.path.commonpath([here, above]) == above:
                self._note('links to a folder above them', path)
                return
        if self.is_image(entry.name):
            self._note('folders named like images', path)
        self._walk(path, found)
