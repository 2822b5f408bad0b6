"""A config without its teacher, with it, and with a cache of its answers."""
import copy
from pathlib import Path

import mmengine
import torch
from mmengine.config import Config
from mmengine.registry import MODELS
from torch import nn

from mmdeit.cli import find_teacher_hook
from mmdeit.models import DistillationLoss


def make_configs(cfg: Config, iters: int, cache: str) -> dict:
    """Make the configs to measure: without and with the teacher.

    Args:
        cfg (Config): The training config.
        iters (int): Iterations to run.
        cache (str): An empty folder, for the answers of the teacher.

    Returns:
        dict[str, Config]: By name; only one if there is no teacher. The last
        but one fills the cache for the last.
    """
    cfg.train_cfg = dict(type='mmdeit.IterBasedTrainLoop', max_iters=iters)
    cfg.auto_scale_lr = None  # one pass an iteration
    cfg.param_scheduler = None
    cfg.val_cfg = cfg.val_dataloader = cfg.val_evaluator = None
    cfg.test_cfg = cfg.test_dataloader = cfg.test_evaluator = None
    cfg.default_hooks.checkpoint = None
    cfg.randomness = dict(cfg.get('randomness') or {}, seed=0)
    if find_teacher_hook(cfg) is None:
        return {'no teacher': cfg}
    alone, cached = copy.deepcopy(cfg), copy.deepcopy(cfg)
    remove_teacher(alone)
    find_teacher_hook(cfg).cache = None
    hook = find_teacher_hook(cached)
    settings = hook.get('cache')
    settings = settings if isinstance(settings, dict) else {}
    hook.cache = dict(settings, folder=cache)
    return {
        'without teacher': alone,
        'with teacher': cfg,
        'filling a cache': cached,
        'from the cache': cached
    }


def remove_teacher(cfg: Config) -> None:
    """Remove the teacher's hook, in place."""
    teacher = find_teacher_hook(cfg)
    cfg.default_hooks = {
        name: hook for name, hook in cfg.default_hooks.items()
        if hook is not teacher
    }
    cfg.custom_hooks = [
        hook for hook in cfg.get('custom_hooks') or [] if hook is not teacher
    ]


def randomize_teacher(cfg: Config, folder: str) -> None:
    """Replace the teacher's checkpoint with random weights, in place."""
    hook = find_teacher_hook(cfg)
    if hook is None:
        return
    with mmengine.DefaultScope.overwrite_default_scope(cfg.default_scope):
        network = MODELS.build(copy.deepcopy(hook.teacher.model))
    hook.preflight = 0
    hook.teacher.checkpoint = str(Path(folder, 'teacher.pth'))
    torch.save(network.state_dict(), hook.teacher.checkpoint)


def switch_off_distillation(model: nn.Module) -> None:
    """Make a distilled student learn from the labels alone, in place."""
    objective = getattr(model.head, 'loss_module', None)
    if isinstance(objective, DistillationLoss):
        objective.mode = 'none'
