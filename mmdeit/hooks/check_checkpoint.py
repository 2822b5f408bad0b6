"""Whether the checkpoint of a Runner fits its model."""
from mmengine.model import BaseTTAModel, is_model_wrapper
from mmengine.runner import BaseLoop, Runner

from mmdeit.checkpoints import match_checkpoint


def starts_training(runner: Runner) -> bool:
    """Whether what is loaded now starts a training, and resumes none."""
    return isinstance(runner._train_loop, BaseLoop) and not runner._resume


def check_checkpoint(runner: Runner, checkpoint: dict) -> None:
    """Check the checkpoint that a Runner is about to load.

    Doing so again changes and says nothing.

    Args:
        runner (Runner): Trains or tests.
        checkpoint (dict): Changed in place as in
            :func:`mmdeit.checkpoints.match_checkpoint`.

    Raises:
        ValueError: As there; the message names the file.
    """
    model = runner.model
    while is_model_wrapper(model) or isinstance(model, BaseTTAModel):
        model = model.module
    file = runner._load_from or f'the latest checkpoint in {runner.work_dir}'
    try:
        note = match_checkpoint(checkpoint, model, starts_training(runner))
    except ValueError as error:
        raise ValueError(f'{file}: {error}') from error
    if note:
        runner.logger.warning(f'{file}: {note}')
