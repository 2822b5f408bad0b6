"""Losses that are read when they are logged, and have to be finite."""
from collections import defaultdict

import torch
from mmengine.hooks import RuntimeInfoHook as _RuntimeInfoHook
from mmengine.optim import OptimWrapperDict
from mmengine.runner import Runner
from torch import Tensor
from torch.optim import Optimizer

from mmdeit.registry import HOOKS

from .finite import GRADIENT, LossWatch, stop_everywhere
from .logged import is_logged


@HOOKS.register_module()
class RuntimeInfoHook(_RuntimeInfoHook):
    """mmengine's :class:`RuntimeInfoHook`, without a wait in each iteration.

    mmengine reads each loss at once, and the host waits for the GPU. Here they
    stay on the device until a ``LoggerHook`` is about to log, an epoch ends or
    a checkpoint is saved, and are read together. The log is the same.

    The first loss, or norm of the gradient, that is not finite then stops the
    training in all processes: see :class:`mmdeit.hooks.finite.LossWatch`.
    """

    def __init__(self) -> None:
        # iteration, name and value of what has not been read yet
        self._outputs: list[tuple] = []
        self._watch: LossWatch | None = None

    def before_train(self, runner: Runner) -> None:
        """Watch the gradients, too."""
        super().before_train(runner)
        self._watch = LossWatch(runner)

        def keep_norm(optimizer: Optimizer, args: tuple, kwargs: dict) -> None:
            self._outputs.append(
                (runner.iter + 1, GRADIENT, gradient_norm(optimizer)))

        wrapper = runner.optim_wrapper
        for one in wrapper.values() if isinstance(
                wrapper, OptimWrapperDict) else [wrapper]:
            if isinstance(one.optimizer, Optimizer):
                one.optimizer.register_step_pre_hook(keep_norm)

    def after_train_iter(self,
                         runner: Runner,
                         batch_idx: int,
                         data_batch: dict | None = None,
                         outputs: dict | None = None) -> None:
        """Keep what the model returned; read all of it before it is logged."""
        for key, value in (outputs or {}).items():
            if isinstance(value, Tensor):
                value = value.detach()  # or it would keep the graph
            self._outputs.append((runner.iter + 1, key, value))
        if is_logged(runner, batch_idx):
            stop_everywhere(runner, self.read(runner))

    def after_train(self, runner: Runner) -> None:
        """Read what was not logged."""
        stop_everywhere(runner, self.read(runner))
        super().after_train(runner)

    def before_save_checkpoint(self, runner: Runner, checkpoint: dict) -> None:
        """Complete the log that the checkpoint carries, in place.

        Only mmengine's ``CheckpointHook`` leaves something to read here, in
        the first process alone.
        """
        if self._outputs:
            if fault := self.read(runner):
                raise ValueError(fault)
            checkpoint['message_hub'] = runner.message_hub.state_dict()

    def read(self, runner: Runner) -> str:
        """Read into the log what is still on the device.

        Returns:
            str: What is wrong with the first iteration that is not finite;
            empty if all are.
        """
        outputs, self._outputs = self._outputs, []
        tensors: dict[torch.device, list] = defaultdict(list)
        for *_, value in outputs:
            if isinstance(value, Tensor):
                tensors[value.device].append(value.float().reshape(()))
        numbers = {
            device: iter(torch.stack(values).tolist())
            for device, values in tensors.items()
        }
        iterations: dict[int, list] = defaultdict(list)
        for iteration, key, value in outputs:
            if isinstance(value, Tensor):
                value = next(numbers[value.device])
            iterations[iteration].append((key, value))
            if key != GRADIENT:
                runner.message_hub.update_scalar(f'train/{key}', value)
        faults = [self._watch.judge(*item) for item in iterations.items()]
        return next(filter(None, faults), '')


@torch.no_grad()
def gradient_norm(optimizer: Optimizer) -> Tensor:
    """The largest norm of a parameter's gradient, a scalar on the device."""
    gradients = [
        p.grad.coalesce().values() if p.grad.is_sparse else p.grad
        for group in optimizer.param_groups for p in group['params']
        if p.grad is not None
    ]
    # The square of a half overflows where the number does not.
    gradients = [grad.float() if grad.dtype == torch.float16 else grad
                 for grad in gradients]
    norms = torch._foreach_norm(gradients) if gradients else [torch.zeros(())]
    return torch.stack([n.to(norms[0].device).float() for n in norms]).max()
