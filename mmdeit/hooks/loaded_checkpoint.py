"""Whether a Runner can go on with the checkpoint that it has loaded."""
from collections.abc import Sequence

from mmengine.optim import OptimWrapper
from mmengine.runner import BaseLoop, EpochBasedTrainLoop, Runner

from mmdeit.checkpoints import check_finite, match_checkpoint, match_classes
from mmdeit.class_names import classes_of
from mmdeit.utils import unwrap_model


def warn_of_partial_epoch(runner: Runner) -> None:
    """Say that mmengine resumes no epoch in its middle, but starts it again."""
    loop = runner.train_loop
    if type(loop) is EpochBasedTrainLoop and loop.iter and (
            loop.iter % len(loop.dataloader)):
        runner.logger.warning(
            f'Resumed after {loop.iter} iterations, which are no whole epochs '
            f'of {len(loop.dataloader)}: epoch {loop.epoch + 1} starts from '
            "its beginning. To go on, set train_cfg.type='mmdeit."
            "EpochBasedTrainLoop' instead of by_epoch.")


def starts_training(runner: Runner) -> bool:
    """Whether what is loaded now starts a training, and resumes none."""
    return isinstance(runner._train_loop, BaseLoop) and not runner._resume


def data_classes(runner: Runner) -> Sequence[str] | None:
    """The names of the classes that a Runner trains or tests on, if known."""
    for loop in (runner._train_loop, runner._val_loop, runner._test_loop):
        if isinstance(loop, BaseLoop):
            return classes_of(loop.dataloader.dataset)
    return None


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
        if not starts_training(runner):
            match_classes(checkpoint, data_classes(runner))
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
    optimizer = checkpoint.get('optimizer')
    check_finite(file, dict(optimizer=optimizer))
    if isinstance(runner.optim_wrapper, OptimWrapper) and optimizer:
        _check_groups(file, optimizer['param_groups'],
                      runner.optim_wrapper.optimizer.param_groups)


def _check_groups(file: str, saved: list[dict], own: list[dict]) -> None:
    # What tells optimizers apart; torch's versions differ in other settings.
    if len(saved) != len(own) or any(
            (name in saved[0]) != (name in own[0])
            for name in ('betas', 'momentum')):
        raise ValueError(
            f'{file} has the state of another optimizer, or of other groups of '
            'parameters: set optim_wrapper as it was, or start from the '
            'weights by load_from=FILE')
