"""Images in a folder for each class, where nothing is left out silently."""
import logging

from mmengine.logging import print_log
from mmpretrain.datasets import CustomDataset as _CustomDataset

from mmdeit.class_names import quote
from mmdeit.registry import DATASETS

from .class_folders import FolderScan, find_class_folders, map_folders


@DATASETS.register_module()
class CustomDataset(_CustomDataset):
    """mmpretrain's ``CustomDataset``, which says what it does not read.

    Hidden folders (``.ipynb_checkpoints``) are no classes. With ``classes``, a
    folder has the label of the class of its name, see
    :func:`mmdeit.datasets.class_folders.map_folders`; mmpretrain's numbers the
    folders that are there. Files with other endings, broken links, folders
    named like images and classes without images are counted in one warning.

    Arguments are mmpretrain's. A remote folder (``s3://...``) is read by it.

    Raises:
        ValueError: If the folders are not those of the classes, or there are
            no images.
    """

    def map_folders(self, folders: list[str]) -> dict[str, int]:
        """The label of each folder."""
        try:
            return map_folders(folders, self.CLASSES)
        except ValueError as error:
            raise ValueError(f'{self.img_prefix}: {error}') from error

    def _find_samples(self) -> list[tuple[str, int]] | list[str]:
        if '://' in self.img_prefix:
            return super()._find_samples()
        scan, empty = FolderScan(self.img_prefix, self.is_valid_file), []
        if self.with_label:
            folders = find_class_folders(self.img_prefix)
            self.folder_to_idx = self.map_folders(folders)
            if self.CLASSES is None:
                self._metainfo['classes'] = tuple(folders)
            images = {name: scan.images(name) for name in folders}
            scan.note_beside()
            samples = [(path, self.folder_to_idx[name])
                       for name in folders for path in images[name]]
            labels = {label for _, label in samples}
            empty = [name for label, name in enumerate(self.CLASSES)
                     if label not in labels]
        else:
            samples = scan.images('')
        self._report(scan, empty, len(samples))
        return samples

    def _report(self, scan: FolderScan, empty: list[str], count: int) -> None:
        """Say what was found besides images; refuse where nothing was."""
        read = f'read are {", ".join(sorted(self.extensions))}'
        if count == 0:
            found = scan.summary() or 'nothing in its folders'
            raise ValueError(f'{self.img_prefix} has no images, but {found}; '
                             f'{read}: correct data_root and data_prefix, or '
                             'set extensions=[...]')
        notes = []
        if scan.noted:
            notes.append(f'besides {count} images there are {scan.summary()}')
        if any(kind.startswith('files') for kind in scan.noted):
            notes.append(f'{read}: set extensions=[...] of its dataset for '
                         'other files')
        if empty:
            notes.append(f'no images of the classes {quote(empty)}')
        if notes:
            print_log(f'{self.img_prefix}: {"; ".join(notes)}', 'current',
                      logging.WARNING)
