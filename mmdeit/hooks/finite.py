"""Stopping a training where a number is not finite, before it is saved."""
import math

from mmengine.dist import all_gather_object
from mmengine.hooks import EMAHook
from mmengine.optim import OptimWrapperDict
from mmengine.runner import Runner

from mmdeit.checkpoints import first_names, not_finite
from mmdeit.utils import unwrap_model

from .teacher_hook import TeacherHook

GRADIENT = 'the norm of the gradient'
# So many steps in a row halve the scale of the loss from 65,536 to 1.
PATIENCE = 16
REMEDIES = ('lower optim_wrapper.optimizer.lr, train in bfloat16 or float32 '
            'instead of float16, or look at the teacher and the images')


class LossWatch:
    """Finds the first iteration whose losses or gradient are not finite.

    Where the loss is scaled, as with ``AmpOptimWrapper``, a step that is
    skipped is no fault, but :data:`PATIENCE` of them in a row are.

    Args:
        runner (Runner): Whose optimiser and teacher it is.
    """

    def __init__(self, runner: Runner) -> None:
        self.runner = runner
        wrapper = runner.optim_wrapper
        wrappers = wrapper.values() if isinstance(
            wrapper, OptimWrapperDict) else [wrapper]
        scalers = [getattr(one, 'loss_scaler', None) for one in wrappers]
        self.scaled = any(
            scaler is not None and scaler.is_enabled() for scaler in scalers)
        # An iteration is a pass with mmengine's loops, and a step with ours.
        passes = 1 if hasattr(runner.train_loop, 'plan') else max(
            getattr(one, '_accumulative_counts', 1) for one in wrappers)
        self.patience = PATIENCE * passes
        self.skipped = 0  # iterations since the last step that was taken

    def judge(self, iteration: int, values: list[tuple[str, float]]) -> str:
        """Say what is wrong with an iteration, or nothing.

        Args:
            iteration (int): Its number, from 1.
            values (list[tuple[str, float]]): What the model returned, by name,
                and :data:`GRADIENT` of each step that was taken.
        """
        bad = {
            name: value for name, value in values if not math.isfinite(value)
            and ('loss' in name or name in (GRADIENT, 'teacher_agreement'))
        }
        start = f'iteration {iteration}: '
        if 'teacher_agreement' in bad:
            return f'{start}{teacher_fault(self.runner)}'
        if self.scaled:
            stepped = not bad and GRADIENT in dict(values)
            self.skipped = 0 if stepped else self.skipped + 1
            if self.skipped < self.patience:
                return ''
            start += (f'{self.skipped} in a row gave no step, whatever the '
                      'scale of the loss: ')
            bad = bad or {GRADIENT: math.inf}
        if not bad:
            return ''
        # The cause, not what follows from it: the sum, and the gradient.
        for consequence in (GRADIENT, 'loss'):
            if len(bad) > 1:
                bad.pop(consequence, None)
        found = ', '.join(f'{name} is {value}' for name, value in bad.items())
        return f'{start}{found}: {REMEDIES}'


def teacher_fault(runner: Runner) -> str:
    """Say that the teacher's answer is not finite, and which teacher it is."""
    teachers = [hook.teacher for hook in runner.hooks
                if isinstance(hook, TeacherHook) and hook.teacher is not None]
    names = ' or '.join(
        f'{member.name!r} ({member.source}; {member.execution})'
        for teacher in teachers for member in teacher.members)
    return (f'the answer of the teacher {names} is not finite: set its '
            "dtype='float32', or give it other weights")


def state_fault(runner: Runner, iteration: int) -> str:
    """Say what of the state to be saved after an iteration is not finite.

    The model with its buffers, the average and the optimiser's state: an
    infinite second moment of Adam freezes a weight without a word.
    """
    state = dict(unwrap_model(runner.model).state_dict())
    for hook in runner.hooks:
        if isinstance(hook, EMAHook):
            for name, tensor in hook.ema_model.state_dict().items():
                state[f'the average of {name.removeprefix("module.")}'] = tensor
    names = not_finite(dict(state, optimizer=runner.optim_wrapper.state_dict()))
    return '' if not names else (
        f'iteration {iteration}: not finite in {first_names(names)}, '
        f'so nothing is saved: {REMEDIES}')


def stop_everywhere(runner: Runner, fault: str) -> None:
    """Raise in all processes what one of them found; all have to call it.

    Raises:
        ValueError: With a fault, if any process has one.
    """
    faults = [found for found in all_gather_object(fault) if found]
    if faults:
        # The gradient is that of all processes, its cause in one of them.
        fault = min(faults, key=lambda found: GRADIENT in found)
        last = runner.message_hub.runtime_info.get('last_ckpt')
        kept = f'; --resume continues from {last}' if last else ''
        raise ValueError(f'{fault}{kept}')
