"""Checkpoints that any supported torch can load safely."""
import numpy as np
import torch
from mmengine.hooks import CheckpointHook as _CheckpointHook
from mmengine.logging import HistoryBuffer
from mmengine.runner import BaseLoop, Runner
from mmengine.utils import apply_to

from mmdeit.checkpoints import check_finite, match_checkpoint
from mmdeit.registry import HOOKS
from mmdeit.utils import unwrap_model

from .finite import state_fault, stop_everywhere
from .runtime_info_hook import RuntimeInfoHook


@HOOKS.register_module()
class CheckpointHook(_CheckpointHook):
    """mmengine's :class:`CheckpointHook`, whose files hold nothing but data.

    mmengine 0.10.7 pickles ``HistoryBuffer`` objects into its checkpoints,
    and cannot resume from them with ``weights_only=True``, the default since
    torch 2.6. Here the message hub is saved as plain numbers and tensors.

    What is loaded, to train or to test, has to fit the model: see
    :func:`mmdeit.checkpoints.match_checkpoint`. Arguments are mmengine's.
    """

    def _save_checkpoint_with_step(self, runner: Runner, step: int,
                                   meta: dict) -> None:
        check_before_saving(runner, meta['iter'])
        super()._save_checkpoint_with_step(runner, step, meta)

    def _save_best_checkpoint(self, runner: Runner, metrics: dict) -> None:
        if self.save_best:
            check_before_saving(runner, runner.iter)
        super()._save_best_checkpoint(runner, metrics)

    def before_save_checkpoint(self, runner: Runner, checkpoint: dict) -> None:
        """Replace the objects of the message hub by data, in place."""
        checkpoint['message_hub'] = apply_to(
            checkpoint['message_hub'],
            lambda x: isinstance(x, (HistoryBuffer, np.generic)), to_plain)

    def after_load_checkpoint(self, runner: Runner, checkpoint: dict) -> None:
        """Check the weights and restore the log histories, in place."""
        check_checkpoint(runner, checkpoint)
        if runner._resume:
            check_resumed(runner, checkpoint)
        scalars = checkpoint.get('message_hub', {}).get('log_scalars', {})
        for name, saved in scalars.items():
            if isinstance(saved, dict):
                scalars[name] = HistoryBuffer(saved['values'].tolist(),
                                              saved['counts'].tolist(),
                                              saved['max_length'])


def check_before_saving(runner: Runner, iteration: int) -> None:
    """Stop before something is saved that is not finite.

    All processes have to call it: only the first one saves.
    """
    faults = [hook.read(runner) for hook in runner.hooks
              if isinstance(hook, RuntimeInfoHook)]
    stop_everywhere(
        runner, next(filter(None, faults), '') or
        state_fault(runner, iteration))


def to_plain(value: HistoryBuffer | np.generic) -> dict | float:
    """A log history as tensors, or a numpy scalar as a number."""
    if isinstance(value, np.generic):
        return value.item()
    values, counts = (torch.from_numpy(data) for data in value.data)
    return dict(values=values, counts=counts, max_length=value.max_length)


def starts_training(runner: Runner) -> bool:
    """Whether what is loaded now starts a training, and resumes none."""
    return isinstance(runner._train_loop, BaseLoop) and not runner._resume


def loaded_file(runner: Runner) -> str:
    """What a Runner loads, for messages."""
    return runner._load_from or f'the latest checkpoint in {runner.work_dir}'


def check_checkpoint(runner: Runner, checkpoint: dict) -> None:
    """Match what a Runner is about to load to its model, in place.

    A second call on the same checkpoint does nothing.
    """
    file = loaded_file(runner)
    try:
        note = match_checkpoint(checkpoint, unwrap_model(runner.model),
                                starts_training(runner))
    except ValueError as error:
        raise ValueError(f'{file}: {error}') from error
    if note:
        runner.logger.warning(f'{file}: {note}')


def check_resumed(runner: Runner, checkpoint: dict) -> None:
    """Check that a checkpoint has a sound training to resume."""
    file = loaded_file(runner)
    missing = [key for key in ('meta', 'message_hub') if key not in checkpoint]
    if missing:
        raise ValueError(f'{file} holds no training to resume (it has no '
                         f'{missing[0]}): start from it by load_from=FILE')
    if 'optimizer' not in checkpoint:
        runner.logger.warning(
            f'{file} has no state of the optimizer, which starts anew')
    check_finite(file, dict(optimizer=checkpoint.get('optimizer')))
