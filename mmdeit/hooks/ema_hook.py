"""The moving average of the weights, beside the weights."""
import re

import torch
from mmengine.model import ExponentialMovingAverage as _Average
from mmengine.runner import Runner
from mmpretrain.engine import EMAHook as _EMAHook
from torch import nn

from mmdeit.checkpoints import check_finite
from mmdeit.registry import HOOKS, MODELS

from .loaded_checkpoint import check_checkpoint, loaded_file, starts_training


@MODELS.register_module()
class ExponentialMovingAverage(_Average):
    """mmengine's average, in a few kernels and without a wait for the GPU.

    mmengine asks the device in each iteration how many there were, and
    averages tensor by tensor. Numbers, state dict and arguments are the same.
    """

    def __init__(self, model: nn.Module, **kwargs) -> None:
        super().__init__(model, **kwargs)
        self._count = 0  # `steps`, on the host

    def _load_from_state_dict(self, *args, **kwargs) -> None:
        super()._load_from_state_dict(*args, **kwargs)
        self._count = int(self.steps)

    def update_parameters(self, model: nn.Module) -> None:
        """Average the weights of the trained model into these."""
        source = (
            model.state_dict()
            if self.update_buffers else dict(model.named_parameters()))
        pairs = [(average.data, source[name].data.to(average.device))
                 for name, average in self.avg_parameters.items()
                 if self._count == 0 or average.is_floating_point()]
        if self._count == 0:
            for average, value in pairs:
                average.copy_(value)
        elif self._count % self.interval == 0:
            averages, values = map(list, zip(*pairs))
            torch._foreach_lerp_(averages, values, self.momentum)
        if not self.update_buffers:
            for average, value in zip(self.module.buffers(), model.buffers()):
                average.copy_(value)
        self.steps += 1
        self._count += 1


@HOOKS.register_module()
class EMAHook(_EMAHook):
    """mmpretrain's :class:`EMAHook`, without its exchange of names.

    mmengine saves the average as ``state_dict`` and hides the weights in
    ``ema_state_dict``. The numbers of the paper are those of the weights:
    here, as in the official code, ``state_dict`` is the model and
    ``ema_state_dict`` the average. Arguments are those of mmpretrain's hook,
    of which ``ema_type`` defaults to :class:`ExponentialMovingAverage`; set
    ``evaluate_on_ema=False`` to evaluate the weights.
    """

    def __init__(self,
                 ema_type: str = 'mmdeit.ExponentialMovingAverage',
                 **kwargs) -> None:
        super().__init__(ema_type=ema_type, **kwargs)

    def before_save_checkpoint(self, runner: Runner, checkpoint: dict) -> None:
        """Add the average to the checkpoint, in place."""
        checkpoint['ema_state_dict'] = self.ema_model.state_dict()

    def after_load_checkpoint(self, runner: Runner, checkpoint: dict) -> None:
        """Restore the average; what starts a training starts it anew."""
        # This hook comes before CheckpointHook, and loads as well.
        check_checkpoint(runner, checkpoint)
        if 'ema_state_dict' in checkpoint and not starts_training(runner):
            _check_origin(runner, checkpoint)
            average = checkpoint['ema_state_dict']
            check_finite(loaded_file(runner), dict(ema_state_dict=average))
            self.ema_model.load_state_dict(average)
        else:
            super().after_load_checkpoint(
                runner, dict(state_dict=checkpoint['state_dict']))


def _check_origin(runner: Runner, checkpoint: dict) -> None:
    """Refuse to resume what mmengine's hook has saved, by names exchanged."""
    cfg = checkpoint.get('meta', {}).get('cfg', '')
    if runner._resume and 'mmdeit.EMAHook' not in cfg and re.search(
            r"type='(mmengine\.|mmpretrain\.)?EMAHook'", cfg):
        raise ValueError(
            f"{loaded_file(runner)} is of mmengine's EMAHook, which keeps the "
            "average as state_dict: resume with default_hooks.ema.type="
            "'EMAHook', or start from the average by load_from")
