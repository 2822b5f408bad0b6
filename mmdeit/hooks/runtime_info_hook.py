"""Losses that are read when they are logged."""
from collections import defaultdict

import torch
from mmengine.hooks import LoggerHook
from mmengine.hooks import RuntimeInfoHook as _RuntimeInfoHook
from mmengine.runner import Runner
from torch import Tensor

from mmdeit.registry import HOOKS


@HOOKS.register_module()
class RuntimeInfoHook(_RuntimeInfoHook):
    """mmengine's :class:`RuntimeInfoHook`, without a wait in each iteration.

    mmengine reads each loss at once, and the host waits for the GPU. Here they
    stay on the device until a ``LoggerHook`` is about to log, an epoch ends or
    a checkpoint is saved, and are read together. The log is the same.
    """

    def __init__(self) -> None:
        self._outputs: list[tuple] = []  # what has not been read yet

    def after_train_iter(self,
                         runner: Runner,
                         batch_idx: int,
                         data_batch: dict | None = None,
                         outputs: dict | None = None) -> None:
        """Keep what the model returned; read all of it before it is logged."""
        for key, value in (outputs or {}).items():
            if isinstance(value, Tensor):
                value = value.detach()  # or it would keep the graph
            self._outputs.append((key, value))
        logged = any(
            isinstance(hook, LoggerHook)
            and self.every_n_inner_iters(batch_idx, hook.interval)
            for hook in runner.hooks)
        if logged or self.end_of_epoch(runner.train_dataloader, batch_idx):
            self._read(runner)

    def after_train(self, runner: Runner) -> None:
        """Read what was not logged."""
        self._read(runner)
        super().after_train(runner)

    def before_save_checkpoint(self, runner: Runner, checkpoint: dict) -> None:
        """Complete the log that the checkpoint carries, in place."""
        if self._outputs:
            self._read(runner)
            checkpoint['message_hub'] = runner.message_hub.state_dict()

    def _read(self, runner: Runner) -> None:
        outputs, self._outputs = self._outputs, []
        tensors: dict[torch.device, list] = defaultdict(list)
        for _, value in outputs:
            if isinstance(value, Tensor):
                tensors[value.device].append(value.float().reshape(()))
        numbers = {
            device: iter(torch.stack(values).tolist())
            for device, values in tensors.items()
        }
        for key, value in outputs:
            if isinstance(value, Tensor):
                value = next(numbers[value.device])
            runner.message_hub.update_scalar(f'train/{key}', value)
