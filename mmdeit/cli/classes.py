"""Whether the folders of training, validation and test data are the same.

They are only listed, before anything is built.
"""
import os
from collections.abc import Iterator
from pathlib import Path

from mmengine.config import Config
from mmengine.registry import DATASETS
from mmpretrain.datasets import CustomDataset as MMPretrainCustomDataset
from mmpretrain.datasets import ImageNet as MMPretrainImageNet

from mmdeit.class_names import difference
from mmdeit.datasets import CustomDataset
from mmdeit.datasets.class_folders import find_class_folders, map_folders
from mmdeit.datasets.image_list import read_text
from mmdeit.registry import resolve

DATALOADERS = ('train_dataloader', 'val_dataloader', 'test_dataloader')
# The ways to read folders that are known here; a subclass may have another.
_SCANS = (MMPretrainCustomDataset._find_samples, CustomDataset._find_samples)


def unwrap_datasets(dataset: dict | list | None,
                    scope: str | None) -> Iterator[tuple[dict, type | None]]:
    """Yield config and class of each dataset, without those that wrap them."""
    for part in dataset if isinstance(dataset, (list, tuple)) else [dataset]:
        inner = part and (part.get('dataset') or part.get('datasets'))
        if inner:
            yield from unwrap_datasets(inner, scope)
        elif part:
            yield part, resolve(DATASETS, part.get('type'), scope)


def read_class_files(cfg: Config) -> None:
    """Replace the files that a config gives for ``classes`` by their names.

    mmengine takes a blank line, or a byte order mark, for part of a name.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If one is not plain UTF-8, or has a line without a name.
    """
    for dataloader in DATALOADERS:
        dataset = (cfg.get(dataloader) or {}).get('dataset')
        for part, _ in unwrap_datasets(dataset, cfg.get('default_scope')):
            for owner in (part, part.get('metainfo') or {}):
                file = owner.get('classes')
                if isinstance(file, str) and '://' not in file:
                    owner['classes'] = _read_classes(os.path.expanduser(file))


def _read_classes(file: str) -> list[str]:
    names = [name.strip() for name in read_text(file).rstrip().split('\n')]
    if '' in names:
        raise ValueError(f'{file}, line {names.index("") + 1}: no class has '
                         'an empty name: remove the line')
    return names


def folder_datasets(cfg: Config,
                    dataloader: str) -> Iterator[MMPretrainCustomDataset]:
    """Yield the datasets that read local folders of classes, not loaded yet."""
    scope = cfg.get('default_scope')
    dataset = (cfg.get(dataloader) or {}).get('dataset')
    for part, kind in unwrap_datasets(dataset, scope):
        if getattr(kind, '_find_samples', None) not in _SCANS:
            continue
        with DATASETS.switch_scope_and_registry(scope) as registry:
            lazy = registry.build(dict(part, pipeline=[], lazy_init=True))
        if lazy.with_label and not lazy.ann_file and (
                Path(lazy.img_prefix).is_dir()):
            yield lazy


def training_folders(cfg: Config) -> Iterator[MMPretrainCustomDataset]:
    """Yield the datasets whose folders are the classes of the training.

    Those of its own images and, where some of these are unlabelled, those of
    the validation.
    """
    yield from folder_datasets(cfg, 'train_dataloader')
    if any(_unlabelled(cfg)):
        yield from folder_datasets(cfg, 'val_dataloader')


def name_classes(cfg: Config) -> None:
    """Tell unlabelled images for training what the classes are, in place.

    A checkpoint has the names from them, and a teacher's are compared.
    """
    unlabelled = [*_unlabelled(cfg)]
    dataset = next(training_folders(cfg), None) if unlabelled else None
    if dataset is not None:
        classes = dataset.CLASSES or find_class_folders(dataset.img_prefix)
        for part in unlabelled:
            part['classes'] = list(classes)


def _unlabelled(cfg: Config) -> Iterator[dict]:
    scope = cfg.get('default_scope')
    dataset = (cfg.get('train_dataloader') or {}).get('dataset')
    for part, kind in unwrap_datasets(dataset, scope):
        if issubclass(kind or object, MMPretrainCustomDataset) and (
                part.get('with_label') is False and not part.get('classes')
                and 'classes' not in (part.get('metainfo') or {})):
            yield part


def check_class_folders(cfg: Config) -> None:
    """Check that the folders of classes of all dataloaders are the same."""
    first = None
    for name in DATALOADERS:
        for dataset in folder_datasets(cfg, name):
            place = f'{name}: {os.path.normpath(dataset.img_prefix)}'
            folders = find_class_folders(dataset.img_prefix)
            if set(folders) & {'train', 'val'} == {'train', 'val'}:
                raise ValueError(f"{place} has the folders 'train' and 'val', "
                                 'which are no classes: set data_prefix')
            try:
                labels = map_folders(folders, dataset.CLASSES)
            except ValueError as error:
                raise ValueError(f'{place}: {error}') from error
            _check_numbering(dataset, labels, place)
            # Where no folder is named as a class, their order has to agree.
            classes = list(map(str, dataset.CLASSES or folders))
            unnamed = folders if set(folders).isdisjoint(classes) else []
            if first is None:
                first = place, classes, unnamed
            differs = difference(classes, first[1]) or (
                unnamed and first[2] and difference(unnamed, first[2]))
            if differs:
                raise ValueError(
                    f'{place} {differs}, compared with {first[0]}: rename the '
                    'folders, add an empty one for a class without images, or '
                    'give all datasets the same classes=[...]')


def _check_numbering(dataset: MMPretrainCustomDataset,
                     labels: dict[str, int], place: str) -> None:
    """Refuse mmpretrain's own datasets where they number folders wrongly."""
    with os.scandir(dataset.img_prefix) as entries:
        theirs = sorted(entry.name for entry in entries if entry.is_dir())
    if isinstance(dataset, CustomDataset) or (
            labels == {name: label for label, name in enumerate(theirs)}):
        return
    problem = ('has a hidden folder' if len(theirs) > len(labels) else
               'has folders in another order than classes')
    kind = 'ImageNet' if isinstance(
        dataset, MMPretrainImageNet) else 'CustomDataset'
    raise ValueError(f'{place} {problem}, which would shift the labels: set '
                     f"the dataset's type='mmdeit.{kind}'")
