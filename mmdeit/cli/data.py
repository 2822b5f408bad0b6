"""What may be wrong with the data of a config, before anything runs.

Folders and lists of text are read from the config; other datasets are asked
once they are built.
"""
import os
import re
from collections.abc import Callable
from pathlib import Path

import numpy as np
from mmengine.config import Config
from mmpretrain.datasets import (
    CIFAR10,
    MNIST,
    BaseDataset,
    CustomDataset,
    ImageNet,
)
from torch import nn
from torch.utils.data import Dataset

from mmdeit.class_names import check_same_classes, classes_of
from mmdeit.datasets import INaturalist
from mmdeit.datasets.image_list import (
    UNLABELLED,
    check_image_list,
    inside,
    label_problem,
    read_text,
)
from mmdeit.utils import unwrap_model

from .classes import check_class_folders, unwrap_datasets
from .teacher import find_teacher_hook

# Data sets that are downloaded where missing; subclasses too.
_FETCHED = (MNIST, CIFAR10)
# How many images of a dataset are looked for on the disk.
LOOKED_FOR = 16
# What can be done without labels, by dataloader.
_WITHOUT = dict(
    train_dataloader='; to learn from a teacher alone, set alpha=1 and '
    "mode='hard' or 'soft' in model.head.loss or model.distillation",
    test_dataloader='; test.py predicts without metrics by --out FILE.pkl '
    "--cfg-options 'test_evaluator=[]'")


def check_data(cfg: Config, *dataloaders: str) -> None:
    """Check that the named dataloaders' folders and lists are sound.

    The folders of classes have to agree in all dataloaders of the config.
    """
    head = (cfg.get('model') or {}).get('head')
    num_classes = cfg.get('num_classes') or (
        head.get('num_classes') if isinstance(head, dict) else None)
    for name in dataloaders:
        dataset = (cfg.get(name) or {}).get('dataset')
        for part, kind in unwrap_datasets(dataset, cfg.get('default_scope')):
            _check_dataset(
                part, kind or object, name, num_classes,
                name == 'train_dataloader' and bool(find_teacher_hook(cfg)))
    check_class_folders(cfg)


def image_folder(dataset: dict, kind: type) -> Path:
    """The folder of the images, or one above it where a config says less."""
    prefix = dataset.get('data_prefix') or ''
    if isinstance(prefix, dict):
        prefix = prefix.get('img_path') or ''
    if issubclass(kind, ImageNet):
        prefix = prefix or dataset.get('split', '')
    return Path(dataset.get('data_root') or '', prefix)


def _check_dataset(dataset: dict, kind: type, dataloader: str,
                   num_classes: int | None, unlabelled: bool) -> None:
    # mmpretrain takes ~ in the other paths only
    root = os.path.expanduser(dataset.get('data_root') or '')
    fetched = issubclass(kind, _FETCHED)
    if '://' in root or fetched and dataset.get('download', True):
        return
    if root:
        dataset['data_root'] = root
    folder = image_folder(dataset, kind)
    if root and not (folder.is_dir() and any(folder.iterdir())):
        raise FileNotFoundError(
            f'{dataloader}: no data in {folder}: put it there (see its config '
            'in configs/_base_/datasets), or set --cfg-options '
            f'{dataloader}.dataset.data_root=FOLDER')
    ann_file = Path(root, os.path.expanduser(
        dataset.get('ann_file') or f'meta/{dataset.get("split")}.txt'))
    if not ann_file.is_file():
        return
    listed = issubclass(kind, CustomDataset)  # as text, whatever its ending
    if listed or ann_file.suffix == '.txt':
        check_image_list(
            str(ann_file), str(folder), listed
            and dataset.get('with_label', dataset.get('split') != 'test'),
            num_classes, unlabelled)
    elif ann_file.suffix == '.json':
        _check_json(str(ann_file), getattr(kind, 'load_data_list', None))


def _check_json(ann_file: str, load: Callable | None) -> None:
    """Check what a JSON file ends in and, of OpenMMLab's lists, has at all.

    It is not parsed: that takes as long as loading the data.
    """
    text = read_text(ann_file)
    if text.rstrip()[-1] not in '}]':
        raise ValueError(f'{ann_file} is no complete JSON: it does not end in '
                         'a bracket; write or fetch it again')
    if load is not BaseDataset.load_data_list:
        return
    missing = [name for name in ('metainfo', 'data_list')
               if f'"{name}"' not in text]
    if missing:
        raise ValueError(f'{ann_file} has no {missing[0]!r}: a list for this '
                         'dataset is {"metainfo": {}, "data_list": [...]}')
    if re.search(r'"data_list"\s*:\s*\[\s*\]', text):
        raise ValueError(f'{ann_file} lists no images: its data_list is empty')


def check_images(dataset: Dataset,
                 num_classes: int | None = None,
                 name: str = 'dataset',
                 labelled: bool = True) -> None:
    """Check that images are in their folder and have labels of the classes.

    Whatever they are listed in, such as Stanford Cars' ``.mat`` file. Only
    mmpretrain's datasets are asked, inside of others too. Of the files a few
    are looked for: a list may have a million, on a disk far away.
    """
    for part in unwrap_built(dataset):
        if isinstance(part, BaseDataset):
            _check_entries(part, num_classes, name, labelled)


def unwrap_built(dataset: Dataset) -> list[Dataset]:
    """The datasets inside of those that wrap them."""
    inner = getattr(dataset, 'datasets', None) or [
        getattr(dataset, 'dataset', None)]
    if inner == [None]:
        return [dataset]
    return [part for other in inner for part in unwrap_built(other)]


def _check_entries(dataset: BaseDataset, num_classes: int | None,
                   name: str, labelled: bool) -> None:
    source = dataset.ann_file or dataset.data_prefix.get('img_path')
    if len(dataset) == 0:
        raise ValueError(f'{name}: {source} has no images')
    if labelled and not _has_label(dataset, 0):
        raise ValueError(
            f'{name}: the images of {source} have no labels: give labelled '
            f"ones (with_label=True, split='val'){_WITHOUT.get(name, '')}")
    # mmpretrain's key; where the list has the images themselves there is none.
    folder = dataset.data_prefix.get('img_path')
    local = folder and '://' not in folder
    if not isinstance(dataset, (CustomDataset, INaturalist)):
        # The lists of these are checked as a whole.
        _check_labels(dataset, source, folder if local else '', num_classes,
                      labelled)
    last = len(dataset) - 1
    for i in {last * i // (LOOKED_FOR - 1) for i in range(LOOKED_FOR)}:
        path = dataset.get_data_info(i).get('img_path')
        if local and path and not os.path.exists(path):
            raise FileNotFoundError(
                f'{name}: {path} of {source} does not exist: correct the list, '
                'data_root or data_prefix')


def _has_label(dataset: BaseDataset, i: int) -> bool:
    label = dataset.get_data_info(i).get('gt_label', UNLABELLED)
    return bool(np.any(np.asarray(label) != UNLABELLED))


def _has_labels(dataset: Dataset) -> bool:
    """Whether any image has a label, or may have one."""
    return any(
        not isinstance(part, BaseDataset)
        or any(_has_label(part, i) for i in range(len(part)))
        for part in unwrap_built(dataset))


def _check_labels(dataset: BaseDataset, source: str, folder: str,
                  num_classes: int | None, labelled: bool) -> None:
    root = os.path.abspath(folder)
    for i in range(len(dataset)):
        info = dataset.get_data_info(i)
        path, labels = info.get('img_path', ''), info.get('gt_label', ())
        if hasattr(labels, 'ndim'):  # MNIST's are arrays without a dimension
            labels = np.ravel(labels).tolist()
        elif not isinstance(labels, (list, tuple)):
            labels = [labels]
        problems = [label_problem(label, num_classes) for label in labels
                    if labelled or label != UNLABELLED]
        if labelled and 'gt_label' not in info:
            problems = ['has no label']
        if folder and not inside(folder, path) and (
                not inside(root, os.path.abspath(path))):
            problems = [f'lies outside the folder of the images, {root}']
        for problem in filter(None, problems):
            raise ValueError(f'{source}, image {i}: {path} {problem}')


def check_datasets(datasets: dict[str, Dataset],
                   model: nn.Module,
                   labelled: bool = True) -> None:
    """Check built datasets, by the names of dataloaders, against a model.

    In training images may lack a label where there is a teacher; all may, if
    the student learns from it alone.
    """
    head = getattr(unwrap_model(model), 'head', None)
    num_classes = getattr(head, 'num_classes', None)
    objective = getattr(head, 'loss_module', None)
    check_same_classes(datasets)
    for name, dataset in datasets.items():
        classes = classes_of(dataset)
        if classes and num_classes and len(classes) != num_classes:
            raise ValueError(
                f'{name} has {len(classes)} classes, the model {num_classes}: '
                f'set num_classes={len(classes)}')
        needed = labelled and num_classes is not None
        if name == 'train_dataloader' and getattr(
                objective, 'needs_teacher', False):
            needed &= objective.needs_labels and not _has_labels(dataset)
        check_images(dataset, num_classes, name, needed)
