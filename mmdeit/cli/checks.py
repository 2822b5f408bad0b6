"""What may be wrong with a config, seen before the first iteration.

mmengine finds out late, or never: after the models are built, at the first
validation, or by an epoch of no batches.
"""
import os
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path

from mmengine.config import Config
from mmengine.dist import get_world_size
from mmengine.registry import DATASETS
from mmengine.runner import Runner
from mmpretrain.datasets import (
    CIFAR10,
    MNIST,
    CustomDataset,
    ImageNet,
    ImageNet21k,
)
from mmpretrain.models.heads import ClsHead
from torch import nn
from torch.utils.data import Dataset

from mmdeit.datasets import ImageNetV2, INaturalist, PackInputs, RandomErasing
from mmdeit.datasets.image_list import check_image_list, inside
from mmdeit.hooks import TeacherHook
from mmdeit.models import ClsDataPreprocessor
from mmdeit.registry import resolve
from mmdeit.teachers.preflight import check_student, read_batches
from mmdeit.utils import keep_random_state, unwrap_model
from mmdeit.version import SUPPORTED

# scope: its package
_DENSE = {'mmdet': 'mmdet', 'mmseg': 'mmsegmentation'}
# Data sets that are downloaded where missing; subclasses too.
_FETCHED = (MNIST, CIFAR10)
# Their lists are text, whatever the name of the file.
_LISTED = (ImageNet, ImageNet21k, CustomDataset, ImageNetV2)


def check_packages(cfg: Config) -> None:
    """Check that what a detector or a segmentor stands on is there."""
    scope = cfg.get('default_scope')
    if scope not in _DENSE:
        return
    package = _DENSE[scope]
    fixes = {
        scope: f"pip install '{package}{SUPPORTED[package]}'",
        'mmcv.ops': 'mmcv-lite has none: pip uninstall -y mmcv-lite && '
        'MMCV_WITH_OPS=1 pip install --no-build-isolation mmcv==2.1.0 '
        "(it takes 'setuptools<81')"
    }
    for module, fix in fixes.items():
        try:
            import_module(module)
        except ImportError as error:
            raise ImportError(f"default_scope '{scope}' needs {module} "
                              f'({error}): {fix}') from error


def check_data(cfg: Config, *dataloaders: str) -> None:
    """Check that the named dataloaders' folders and lists are sound."""
    for name in dataloaders:
        dataset = (cfg.get(name) or {}).get('dataset')
        for part, kind in unwrap_datasets(dataset, cfg.get('default_scope')):
            _check_dataset(part, kind, name)


def unwrap_datasets(dataset: dict | list | None,
                    scope: str | None) -> Iterator[tuple[dict, type | None]]:
    """Yield config and class of each dataset, without those that wrap them."""
    for part in dataset if isinstance(dataset, (list, tuple)) else [dataset]:
        inner = part and (part.get('dataset') or part.get('datasets'))
        if inner:
            yield from unwrap_datasets(inner, scope)
        elif part:
            yield part, resolve(DATASETS, part.get('type'), scope)


def image_folder(dataset: dict, kind: type | None) -> Path:
    """The folder of the images, or one above it where a config says less."""
    prefix = dataset.get('data_prefix') or ''
    if isinstance(prefix, dict):
        prefix = prefix.get('img_path') or ''
    if kind is ImageNet:
        prefix = prefix or dataset.get('split', '')
    return Path(dataset.get('data_root') or '').expanduser() / prefix


def _check_dataset(dataset: dict, kind: type | None, dataloader: str) -> None:
    root = dataset.get('data_root')
    fetched = issubclass(kind or object, _FETCHED)
    if not root or '://' in root or fetched and dataset.get('download', True):
        return
    folder = image_folder(dataset, kind)
    if not folder.is_dir() or not any(folder.iterdir()):
        raise FileNotFoundError(
            f'{dataloader}: no data in {folder}: put it there (see its config '
            'in configs/_base_/datasets), or set --cfg-options '
            f'{dataloader}.dataset.data_root=FOLDER')
    ann_file = Path(root).expanduser() / (
        dataset.get('ann_file') or f'meta/{dataset.get("split")}.txt')
    if ann_file.is_file() and (kind in _LISTED or ann_file.suffix == '.txt'):
        check_image_list(
            str(ann_file), str(folder), kind in _LISTED
            and dataset.get('with_label', dataset.get('split') != 'test'))


def check_images(dataset: Dataset) -> None:
    """Check that no image lies outside its folder, whatever lists them.

    :func:`check_data` reads lists of text; this one asks the dataset, such as
    that of Stanford Cars, which reads a ``.mat`` file. Only mmpretrain's
    datasets are asked.
    """
    # mmpretrain's key; where the list has the images themselves there is none.
    folder = (getattr(dataset, 'data_prefix', None) or {}).get('img_path')
    if not folder or '://' in folder or (
            type(dataset) in (*_LISTED, INaturalist)):  # checked as a whole
        return
    folder = os.path.abspath(folder)
    for i in range(len(dataset)):
        path = dataset.get_data_info(i).get('img_path', folder)
        if not inside(folder, os.path.abspath(path)):
            raise ValueError(f'{dataset.ann_file}: {path} lies outside the '
                             f'folder of the images, {folder}')


def check_training(runner: Runner) -> None:
    """Check that images, batches, classes, metrics and model go together.

    Builds the loops of the Runner, which is about to train.
    """
    dataloader = runner.train_loop.dataloader
    check_images(dataloader.dataset)
    if len(dataloader) == 0:
        raise ValueError(f'{len(dataloader.dataset)} images give no batch of '
                         f'{dataloader.batch_size} on {get_world_size()} '
                         'processes: lower train_dataloader.batch_size')
    model = unwrap_model(runner.model)
    _check_packing(dataloader.dataset, model)
    head = getattr(model, 'head', None)
    expected = getattr(head, 'num_classes', None)
    if expected is None:  # no classifier
        return
    classes = getattr(dataloader.dataset, 'metainfo', {}).get('classes')
    if classes and len(classes) != expected:
        raise ValueError(f'the training data has {len(classes)} classes, the '
                         f'model {expected}: set num_classes={len(classes)}')
    for metric in runner.val_loop.evaluator.metrics if runner.val_loop else []:
        topk = max(getattr(metric, 'topk', None) or [0])
        if topk > expected:
            raise ValueError(f'there is no top-{topk} of {expected} classes: '
                             'set topk=(1,) of val_ and test_evaluator')
    # A teacher's preflight tries the student too.
    if isinstance(head, ClsHead) and not any(
            isinstance(hook, TeacherHook) for hook in runner.hooks):
        with keep_random_state():
            inputs, _ = next(read_batches(
                dataloader.dataset, model.data_preprocessor, 2))
            check_student(model, inputs)


def _check_packing(dataset: Dataset, model: nn.Module) -> None:
    """Check that the model's preprocessor takes what a pipeline packs."""
    inner = getattr(dataset, 'dataset', getattr(dataset, 'datasets', ()))
    for part in inner if isinstance(inner, (list, tuple)) else [inner]:
        _check_packing(part, model)
    pipeline = getattr(dataset, 'pipeline', None)
    steps = [type(step) for step in getattr(pipeline, 'transforms', ())]
    if RandomErasing in steps and steps[-2:] != [RandomErasing, PackInputs]:
        raise ValueError('mmdeit.RandomErasing only chooses what is erased: '
                         'end the pipeline by it and mmdeit.PackInputs')
    if PackInputs in steps and not isinstance(
            getattr(model, 'data_preprocessor', None), ClsDataPreprocessor):
        raise ValueError('mmdeit.PackInputs packs tensors: set data_'
                         "preprocessor.type='mmdeit.ClsDataPreprocessor'")
