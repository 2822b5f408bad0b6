"""What may be wrong with a config, seen before the first iteration.

mmengine finds out late, or never: after the models are built, at the first
validation, or by an epoch of no batches.
"""
from importlib import import_module

import torch
from mmengine.config import Config
from mmengine.dist import get_world_size
from mmengine.runner import Runner
from mmpretrain.models.heads import ClsHead
from torch import Tensor, nn
from torch.utils.data import Dataset

from mmdeit.datasets import PackInputs, RandomErasing
from mmdeit.models import ClsDataPreprocessor
from mmdeit.randomness import keep_random_state
from mmdeit.teachers.preflight import check_student, read_batches
from mmdeit.utils import unwrap_model
from mmdeit.version import SUPPORTED

from .data import check_datasets, unwrap_built

# scope: its package
_DENSE = {'mmdet': 'mmdet', 'mmseg': 'mmsegmentation'}


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


def check_training(runner: Runner) -> None:
    """Check that images, batches, classes, metrics and model go together.

    Builds the loops of the Runner, which is about to train.
    """
    dataloader = runner.train_loop.dataloader
    if len(dataloader) == 0:
        views = dataloader.batch_size * get_world_size()
        scaling = runner.auto_scale_lr or {}
        fix = 'lower train_dataloader.batch_size'
        if views == scaling.get('base_batch_size') and not scaling.get(
                'enable'):
            fix = ('the learning rate is for so many: give --auto-scale-lr, '
                   'and a train_dataloader.batch_size of at most '
                   f'{len(dataloader.dataset) // get_world_size()}')
        raise ValueError(
            f'{len(dataloader.dataset)} images give no batch of {views}: {fix}')
    model = unwrap_model(runner.model)
    for part in unwrap_built(dataloader.dataset):
        _check_packing(part, model)
    datasets = dict(train_dataloader=dataloader.dataset)
    if runner.val_loop:
        datasets['val_dataloader'] = runner.val_loop.dataloader.dataset
    check_datasets(datasets, model)
    head = getattr(model, 'head', None)
    expected = getattr(head, 'num_classes', None)
    if expected is None:  # no classifier
        return
    for metric in runner.val_loop.evaluator.metrics if runner.val_loop else []:
        topk = max(getattr(metric, 'topk', None) or [0])
        if topk > expected:
            raise ValueError(f'there is no top-{topk} of {expected} classes: '
                             'set topk=(1,) of val_ and test_evaluator')
    if isinstance(head, ClsHead):
        with keep_random_state():
            _check_normalisation(dataloader.dataset, model.data_preprocessor)
            inputs, _ = next(read_batches(
                dataloader.dataset, model.data_preprocessor, 2))
            check_student(model, inputs)


def _check_packing(dataset: Dataset, model: nn.Module) -> None:
    """Check that the model's preprocessor takes what a pipeline packs."""
    pipeline = getattr(dataset, 'pipeline', None)
    steps = [type(step) for step in getattr(pipeline, 'transforms', ())]
    if RandomErasing in steps and steps[-2:] != [RandomErasing, PackInputs]:
        raise ValueError('mmdeit.RandomErasing only chooses what is erased: '
                         'end the pipeline by it and mmdeit.PackInputs')
    if PackInputs in steps and not isinstance(
            getattr(model, 'data_preprocessor', None), ClsDataPreprocessor):
        raise ValueError('mmdeit.PackInputs packs tensors: set data_'
                         "preprocessor.type='mmdeit.ClsDataPreprocessor'")


def _check_normalisation(dataset: Dataset, preprocessor: nn.Module) -> None:
    """Check that mean and std are those of the images, each a number."""
    image = dataset[0].get('inputs')
    if not isinstance(image, Tensor) or not getattr(
            preprocessor, '_enable_normalize', False):
        return
    mean, std = (getattr(preprocessor, name).flatten().tolist()
                 for name in ('mean', 'std'))
    problem = ''
    if {len(mean), len(std)} - {1, len(image)}:
        problem = (f' for images of {len(image)} channels: give a number for '
                   'each')
    elif min(std) <= 0:
        problem = ', by which images are divided: give numbers above 0'
    elif image.dtype == torch.uint8 and max(std) < 1:
        problem = ' for images of 0 to 255: multiply both by 255'
    if problem:
        raise ValueError(f'data_preprocessor has mean={mean} and std={std}'
                         f'{problem}')
