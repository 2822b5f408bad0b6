"""What may be wrong with a config, seen before the first iteration.

mmengine finds out late, or never: after the models are built, at the first
validation, or by an epoch of no batches.
"""
import os
from importlib import import_module
from pathlib import Path
from typing import Iterator

from mmengine.config import Config
from mmengine.dist import get_world_size
from mmengine.runner import Runner
from torch.utils.data import Dataset

from mmdeit.datasets.image_list import check_image_list, inside

# scope: the release that is tested
_DENSE = {'mmdet': 'mmdet==3.3.0', 'mmseg': 'mmsegmentation==1.2.2'}
# They fetch what is missing.
_FETCHED = ('MNIST', 'FashionMNIST', 'CIFAR10', 'CIFAR100')
# Their lists are text, whatever the name of the file.
_LISTED = ('ImageNet', 'ImageNet21k', 'CustomDataset', 'mmdeit.ImageNetV2')
# Classes whose lists are checked as a whole, rather than image by image.
_CHECKED = (*(kind.split('.')[-1] for kind in _LISTED), 'INaturalist')


def check_packages(cfg: Config) -> None:
    """Check that what a detector or a segmentor stands on is there.

    Args:
        cfg (Config): The config; its ``default_scope`` says which it is.

    Raises:
        ImportError: If mmdet, mmseg or the compiled ops of mmcv are missing.
    """
    scope = cfg.get('default_scope')
    if scope not in _DENSE:
        return
    for module, fix in (
        (scope, f"pip install '{_DENSE[scope]}'"),
        ('mmcv.ops', 'mmcv-lite has none: pip uninstall -y mmcv-lite && '
         'MMCV_WITH_OPS=1 pip install --no-build-isolation mmcv==2.1.0 '
         "(it takes 'setuptools<81')")):
        try:
            import_module(module)
        except ImportError as error:
            raise ImportError(f"default_scope '{scope}' needs {module} "
                              f'({error}): {fix}') from error


def check_data(cfg: Config, *dataloaders: str) -> None:
    """Check that the data is there.

    Args:
        cfg (Config): The config.
        *dataloaders (str): The dataloaders to be used.

    Raises:
        FileNotFoundError: If a dataset's folder on the disk is missing or
            empty.
        ValueError: If a list of images lacks a label or leads out of it.
    """
    for name in dataloaders:
        for dataset in _datasets((cfg.get(name) or {}).get('dataset')):
            _check_dataset(dataset, name)


def _datasets(cfg) -> Iterator[dict]:
    """The datasets themselves, without those that wrap them."""
    for part in cfg if isinstance(cfg, (list, tuple)) else [cfg]:
        inner = part and (part.get('dataset') or part.get('datasets'))
        if inner:
            yield from _datasets(inner)
        elif part:
            yield part


def _check_dataset(dataset: dict, dataloader: str) -> None:
    kind, root = dataset.get('type'), dataset.get('data_root')
    if not root or '://' in root or (
            kind in _FETCHED and dataset.get('download', True)):
        return
    prefix = dataset.get('data_prefix', '')
    if kind == 'ImageNet':
        prefix = prefix or dataset.get('split', '')
    folder = Path(root).expanduser()
    if isinstance(prefix, str):
        folder /= prefix
    if not folder.is_dir() or not any(folder.iterdir()):
        raise FileNotFoundError(
            f'{dataloader}: no data in {folder}: put it there (the first lines '
            'of the config, or of the data that it builds on in '
            'configs/_base_/datasets, tell how), or set '
            f'--cfg-options {dataloader}.dataset.data_root=FOLDER')
    ann_file = Path(root).expanduser() / (
        dataset.get('ann_file') or f'meta/{dataset.get("split")}.txt')
    if ann_file.is_file() and (kind in _LISTED or ann_file.suffix == '.txt'):
        check_image_list(
            str(ann_file), str(folder), kind in _LISTED
            and dataset.get('with_label', dataset.get('split') != 'test'))


def check_images(dataset: Dataset) -> None:
    """Check that no image lies outside its folder, whatever lists them.

    :func:`check_data` reads lists of text; this one asks the dataset, such as
    that of Stanford Cars, which reads a ``.mat`` file.

    Args:
        dataset (Dataset): A dataset of mmpretrain; others pass.

    Raises:
        ValueError: If one does.
    """
    # mmpretrain's key; where the list has the images themselves there is none.
    folder = (getattr(dataset, 'data_prefix', None) or {}).get('img_path')
    if not folder or '://' in folder or type(dataset).__name__ in _CHECKED:
        return
    folder = os.path.abspath(folder)
    for i in range(len(dataset)):
        path = dataset.get_data_info(i).get('img_path', folder)
        if not inside(folder, os.path.abspath(path)):
            raise ValueError(
                f'{dataset.ann_file}: {path} lies outside the folder of the '
                f'images, {folder}: correct the list')


def check_training(runner: Runner) -> None:
    """Check that data, batches and classes go together.

    Args:
        runner (Runner): About to train; its loops are built here.

    Raises:
        ValueError: If an epoch has no batch, an image lies outside its folder,
            the data has other classes than the model, or there are fewer than
            the metric asks for.
    """
    dataloader = runner.train_loop.dataloader
    check_images(dataloader.dataset)
    if len(dataloader) == 0:
        raise ValueError(
            f'{len(dataloader.dataset)} images give no batch of '
            f'{dataloader.batch_size} on each of {get_world_size()} processes: '
            'lower train_dataloader.batch_size or give more images')
    model = getattr(runner.model, 'module', runner.model)
    expected = getattr(getattr(model, 'head', None), 'num_classes', None)
    if expected is None:  # no classifier
        return
    metainfo = getattr(dataloader.dataset, 'metainfo', {})
    classes = metainfo.get('classes')
    if classes and len(classes) != expected:
        raise ValueError(
            f'the training data has {len(classes)} classes, the model '
            f'{expected}: set num_classes of model.head and data_preprocessor '
            'to that of the data')
    metrics = runner.val_loop.evaluator.metrics if runner.val_loop else []
    for metric in metrics:
        topk = max(getattr(metric, 'topk', None) or [0])
        if topk > expected:
            raise ValueError(
                f'top-{topk} of {expected} classes is always right: set '
                'val_evaluator.topk=(1,) and test_evaluator.topk=(1,)')
