"""Whether a training would evaluate and save as its config says."""
from textwrap import shorten

import torch
from mmengine.config import Config
from mmengine.evaluator import BaseMetric
from mmengine.hooks import CheckpointHook
from mmengine.registry import OPTIMIZERS
from mmengine.runner import Runner
from mmengine.utils import apply_to
from mmpretrain.models.heads import ClsHead

from mmdeit.class_names import nearest
from mmdeit.randomness import keep_random_state
from mmdeit.registry import resolve
from mmdeit.utils import unwrap_model

from .errors import unknown_type

_LENGTHS = ('max_epochs', 'max_iters', 'val_begin', 'val_interval')
_COUNTS = (('train_dataloader', 'batch_size'),
           ('auto_scale_lr', 'base_batch_size'),
           ('optim_wrapper', 'accumulative_counts'))


def check_schedule(cfg: Config) -> None:
    """Check lengths, intervals, batches and the optimiser of a training.

    mmengine divides by them in the first epoch, or never evaluates or saves,
    and builds the optimiser after everything else.
    """
    train_cfg = cfg.get('train_cfg') or {}
    hooks = cfg.get('default_hooks') or {}
    settings = {f'train_cfg.{name}': train_cfg[name] for name in _LENGTHS
                if name in train_cfg}
    for hook, name in (('checkpoint', 'interval'),
                       ('checkpoint', 'max_keep_ckpts'),
                       ('logger', 'interval')):
        value = (hooks.get(hook) or {}).get(name, 1)
        if hook != 'checkpoint' or value != -1:  # mmengine's "never" and "all"
            settings[f'default_hooks.{hook}.{name}'] = value
    for part, name in _COUNTS:
        if name in (cfg.get(part) or {}):
            settings[f'{part}.{name}'] = cfg[part][name]
    for name, value in settings.items():
        least = 0 if name == 'train_cfg.val_begin' else 1
        if not isinstance(value, int) or value < least:
            raise ValueError(f'{name} is {value!r}: give a number from {least}')
    end = train_cfg.get('max_epochs') or train_cfg.get('max_iters')
    if end and train_cfg.get('val_begin', 1) > end:
        raise ValueError(f'train_cfg.val_begin is {train_cfg.val_begin}, after '
                         f'the end at {end}: lower it, or give --no-validate')
    _check_optimizer(cfg)


def _check_optimizer(cfg: Config) -> None:
    optimizer = (cfg.get('optim_wrapper') or {}).get('optimizer') or {}
    kind, rate = optimizer.get('type'), optimizer.get('lr', 1)
    if isinstance(kind, str) and (
            resolve(OPTIMIZERS, kind, cfg.get('default_scope')) is None):
        raise ValueError(unknown_type(kind, 'optimizer'))
    if rate is None:  # Adafactor finds its own
        return
    if not isinstance(rate, (int, float)) or rate < 0:
        raise ValueError(f'optim_wrapper.optimizer.lr is {rate!r}: give a '
                         'number from 0')


def check_validation(runner: Runner) -> None:
    """Try the validation on two images, before the training reaches it.

    The first one may be hours away. Only classifiers are tried. A metric that
    fails may need more images, or one of each class: it gets a warning.

    Raises:
        ValueError: If ``save_best`` names a metric that it does not return.
    """
    model = unwrap_model(runner.model)
    if not runner.val_loop or not isinstance(
            getattr(model, 'head', None), ClsHead):
        return
    dataloader, evaluator = runner.val_loop.dataloader, runner.val_evaluator
    training = model.training
    with keep_random_state(), torch.no_grad():
        count = min(2, len(dataloader.dataset))
        batch = dataloader.collate_fn(
            [dataloader.dataset[i] for i in range(count)])
        evaluator.process(model.eval().val_step(batch), batch)
        found = [_compute(metric, runner) for metric in evaluator.metrics]
    model.train(training)
    results = [name for names in found for name in names or []]
    if None in found or not results:
        return
    for hook in runner.hooks:
        if isinstance(hook, CheckpointHook):
            for name in hook.save_best or []:
                if name not in results and name != 'auto':
                    near = nearest(name, results, 0.6) or results[0]
                    raise ValueError(
                        f'save_best={name!r} is no result of val_evaluator: '
                        f'did you mean {near!r}?')


def _compute(metric: BaseMetric, runner: Runner) -> list[str] | None:
    """Compute a metric; the names of its results, or None if it fails.

    Each process does: by ``evaluate`` the others would wait for the first one,
    also where that fails.
    """
    seen = apply_to(metric.results[:], lambda part: hasattr(part, 'cpu'),
                    lambda part: part.cpu())
    metric.results.clear()
    try:
        results = metric.compute_metrics(seen)
    except Exception as error:  # a metric may fail in any way
        reason = shorten(str(error) or type(error).__name__, 200)
        runner.logger.warning(
            f'{type(metric).__name__} fails on {len(seen)} images '
            f'({reason}): stop here if it would on all of them')
        return None
    return [f'{metric.prefix}/{name}' if metric.prefix else name
            for name in results]
