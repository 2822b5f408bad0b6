"""Everything that happens to a teacher before the first iteration."""
import contextlib
import math
from typing import ContextManager, Iterable

from mmengine.dist import broadcast_object_list, is_main_process
from mmengine.model import is_model_wrapper
from mmengine.optim import OptimWrapper
from mmengine.runner import Runner
from rich.console import Console
from rich.progress import track
from torch import Tensor, nn
from torch.utils.data import Dataset

from mmdeit.utils import keep_random_state

from .base_teacher import BaseTeacher
from .check_answer import check_answer
from .preflight import BATCH, preflight, read_batches
from .student_spec import StudentSpec


def prepare_teacher(teacher: BaseTeacher, runner: Runner,
                    num_images: int) -> None:
    """Fit a teacher to a student, choose its execution, and examine it.

    The random numbers of the training stay what they are without it.

    Args:
        teacher (BaseTeacher): Changed in place.
        runner (Runner): Has the student and its datasets.
        num_images (int): How many images of the validation dataset it is
            evaluated on, by the first process; 0 for none.

    Raises:
        ValueError: If the teacher does not fit, does not answer, or is
            refused; in each process.
    """
    with keep_random_state(), students_precision(runner):
        inputs = fit_teacher(teacher, runner)
        runner.logger.info('Teacher ' + teacher.tune(inputs))
        if num_images and runner.val_loop is None:
            runner.logger.warning(
                'The teacher is not evaluated before training: there is no '
                'validation dataset.')
        elif num_images:
            runner.logger.info(
                '\n' + examine_teacher(teacher, runner, num_images))


def fit_teacher(teacher: BaseTeacher, runner: Runner) -> Tensor:
    """Fit a teacher to a student, and see that it answers.

    Args:
        teacher (BaseTeacher): Changed in place.
        runner (Runner): Has the student and its datasets.

    Returns:
        Tensor: A batch like the student's to measure speed with, of shape
        ``(N, C, H, W)``.

    Raises:
        ValueError: If the teacher does not fit or does not answer.
    """
    student = _student(runner)
    dataset = runner.train_dataloader.dataset
    spec = adapt_teacher(teacher, student, dataset)
    inputs, _ = next(read_batches(dataset, student.data_preprocessor, 2))
    check_answer(teacher, inputs, spec.num_classes)
    # Where a pass is slow, a smaller batch tells as much.
    batch_size = runner.train_dataloader.batch_size if inputs.is_cuda else 16
    return inputs[:1].repeat(batch_size, 1, 1, 1)


def adapt_teacher(teacher: BaseTeacher, student: nn.Module,
                  dataset: Dataset) -> StudentSpec:
    """Fit a teacher to a student's images and classes, on its device.

    Args:
        teacher (BaseTeacher): Changed in place.
        student (nn.Module): A classifier of mmpretrain.
        dataset (Dataset): Its dataset, which may name the classes.

    Returns:
        StudentSpec: What the student sees.

    Raises:
        ValueError: If the teacher is none, or does not fit.
    """
    if not isinstance(teacher, BaseTeacher):
        raise ValueError(f'{type(teacher).__name__} is no teacher: write '
                         "teacher=dict(type='mmdeit.Teacher', model=...)")
    spec = StudentSpec.of(
        student, getattr(dataset, 'metainfo', {}).get('classes'))
    teacher.adapt(spec)
    teacher.to(next(student.parameters()).device)
    return spec


def examine_teacher(teacher: BaseTeacher, runner: Runner,
                    num_images: int) -> str:
    """Evaluate a teacher on validation images, in the first process.

    Args:
        teacher (BaseTeacher): Adapted to the student.
        runner (Runner): Has the student and a validation dataset.
        num_images (int): How many images, at most.

    Returns:
        str: A table of its accuracy; empty in the other processes.

    Raises:
        ValueError: If it is refused; in each process.
    """
    table, error = '', None
    if is_main_process():
        try:
            student = _student(runner)
            dataset = runner.val_loop.dataloader.dataset
            batches = read_batches(
                dataset, student.data_preprocessor, num_images)
            count = math.ceil(min(num_images, len(dataset)) / BATCH)
            table = preflight(teacher, _show_progress(batches, count),
                              StudentSpec.of(student).num_classes)
        except Exception as refusal:  # the others wait, whatever happened
            error = refusal
    verdict = [error and str(error)]
    broadcast_object_list(verdict)
    if error is not None:
        raise error
    if verdict[0] is not None:
        raise ValueError(verdict[0])
    return table


def _student(runner: Runner) -> nn.Module:
    model = runner.model
    return model.module if is_model_wrapper(model) else model


def students_precision(runner: Runner) -> ContextManager:
    """The autocast that the student trains in, once its optimiser is built."""
    if isinstance(runner.optim_wrapper, OptimWrapper):
        return runner.optim_wrapper.optim_context(runner.model)
    return contextlib.nullcontext()


def _show_progress(batches: Iterable, count: int) -> Iterable:
    console = Console(stderr=True)
    return track(
        batches,
        'Asking the teacher',
        total=count,
        console=console,
        transient=True,
        disable=not console.is_terminal)
