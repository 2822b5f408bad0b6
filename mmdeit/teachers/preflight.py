"""What is tried before the first iteration: the student and its teacher."""
import contextlib
import logging
import math
from typing import Iterator, Sequence

import torch
from mmengine.dataset import pseudo_collate
from mmengine.dist import broadcast_object_list, is_main_process
from mmengine.logging import print_log
from mmengine.optim import OptimWrapper
from mmengine.runner import Runner
from mmpretrain.models import ImageClassifier
from rich.console import Console
from rich.progress import track
from torch import Tensor, nn
from torch.utils.data import Dataset

from mmdeit.class_names import check_same_classes, classes_of, difference
from mmdeit.randomness import keep_random_state
from mmdeit.structures import read_labels
from mmdeit.utils import unwrap_model

from .ensemble import TeacherEnsemble
from .evaluation import ask, evaluate, failure, first_channels
from .execution import fastest_pass
from .preprocessing import StudentSpec
from .teacher import Teacher

AnyTeacher = Teacher | TeacherEnsemble

BATCH = 64


def preflight(teacher: AnyTeacher,
              runner: Runner,
              num_images: int,
              speed: bool = False) -> str:
    """Fit a teacher to a student, choose its execution, and evaluate it.

    The random numbers of the training stay what they are without it.

    Args:
        teacher (Teacher | TeacherEnsemble): Changed in place.
        runner (Runner): Has the student and its datasets.
        num_images (int): How many images of the validation dataset the first
            process evaluates the teacher on; 0 for none.
        speed (bool): Whether to time the teacher. Defaults to False.

    Returns:
        str: How each member is executed and, in the first process, a table of
        the accuracies.

    Raises:
        ValueError: In each process, if the student fails, or the teacher does
            not fit, does not answer, or is refused.
    """
    # It decides the precision.
    if isinstance(runner.optim_wrapper, dict):  # nothing is being trained
        runner.optim_wrapper = runner.build_optim_wrapper(runner.optim_wrapper)
    precision = contextlib.nullcontext()
    if isinstance(runner.optim_wrapper, OptimWrapper):
        precision = runner.optim_wrapper.optim_context(runner.model)
    student, loader = unwrap_model(runner.model), runner.train_dataloader
    if runner.val_loop is not None:
        # which would be blamed on the teacher
        check_same_classes(
            dict(train_dataloader=loader.dataset,
                 val_dataloader=runner.val_loop.dataloader.dataset))
    with keep_random_state(), precision:
        inputs = fit_teacher(teacher, student, loader.dataset)
        # Where a pass is slow, a smaller batch tells as much.
        size = loader.batch_size if inputs.is_cuda else 16
        inputs = inputs[:1].repeat(size, 1, 1, 1)
        report = '\n'.join(
            member.autotune(inputs) for member in teacher.members)
        if speed:
            rate = size / fastest_pass(teacher, inputs)
            report += (f'\n{rate:.1f} images per second in batches of {size} '
                       f'on {inputs.device.type}')
        if num_images and runner.val_loop is None:
            runner.logger.warning(
                'The teacher is not evaluated before training: there is no '
                'validation dataset.')
        elif num_images:
            report += '\n' + _evaluate_for_all(
                teacher, student, runner.val_loop.dataloader.dataset,
                num_images)
    return report


def fit_teacher(teacher: AnyTeacher, student: nn.Module,
                dataset: Dataset) -> Tensor:
    """Fit a teacher to a student, on its device, and see that both answer.

    The student's dataset may name the classes. Two of its images, as the
    student sees them, are returned: ``(2, C, H, W)``.
    """
    if not isinstance(teacher, AnyTeacher):
        raise ValueError(f'{type(teacher).__name__} is no teacher: write '
                         "teacher=dict(type='mmdeit.Teacher', model=...)")
    inputs, _ = next(read_batches(dataset, student.data_preprocessor, 2))
    check_student(student, inputs)
    spec = StudentSpec.of(student, classes_of(dataset))
    for member in teacher.members:
        member.bind(spec)
        _check_classes(member, spec.class_names)
    teacher.to(inputs.device)
    for member in teacher.members:
        ask(member, inputs, spec.num_classes)
    return inputs


def _check_classes(member: Teacher, names: Sequence[str] | None) -> None:
    """Compare the classes in a teacher's checkpoint with those of the data.

    Where a class of the data has another place, it is an error. Names may
    differ: those of ImageNet do.
    """
    saved = member.saved_classes
    differs = saved and names and difference(saved, names)
    if not differs or member.class_mapping is not None:
        return
    message = (f'teacher {member.name!r} {differs}, as its checkpoint says, '
               'compared with the training data')
    places = {name: place for place, name in enumerate(saved)}
    if all(places.get(name, place) == place
           for place, name in enumerate(names)):
        print_log(f'{message}: the classes are taken to be the same, in this '
                  'order; set class_mapping if they are not', 'current',
                  logging.WARNING)
        return
    fix = ("set class_mapping='name'" if set(names) <= set(places) else
           'train it on the same folders, or set class_mapping to its class '
           'for each of the data')
    raise ValueError(f'{message}: {fix}')


@torch.no_grad()
def check_student(model: nn.Module, inputs: Tensor) -> None:
    """Try an ``ImageClassifier`` on preprocessed images ``(N, C, H, W)``.

    If it fails, in eval mode, a ValueError names the setting to change. Other
    models are not tried.
    """
    if not isinstance(model, ImageClassifier):
        return
    channels = inputs.size(1)
    first = first_channels(model, channels)
    fix = 'set model.backbone.img_size, or the size that the pipeline gives'
    if first != channels:
        fix = (f'set model.backbone.in_channels={channels}, or load images of '
               f'{first} channels and set data_preprocessor for them')
    modes = [(module, module.training) for module in model.modules()]
    try:
        model.eval()
        feats = model.extract_feat(inputs)
        fix = 'set model.head.in_channels and model.backbone.out_type'
        logits = model.head(feats) if model.with_head else None
        if isinstance(logits, Tensor) and logits.shape[:-1] != (len(inputs), ):
            raise RuntimeError(f'it answers with shape {tuple(logits.shape)}')
        if isinstance(logits, Tensor) and logits.shape[-1:] == (1, ):
            raise ValueError('num_classes is 1: a softmax over one class has '
                             'nothing to learn: give data of two or more')
    except ValueError:  # says what to set by itself
        raise
    except Exception as error:  # a network may fail in any way
        raise ValueError(
            f'the student {failure(inputs, fix, error)}') from error
    finally:
        for module, mode in modes:
            module.training = mode


def read_batches(dataset: Dataset, preprocessor: nn.Module,
                 num_images: int) -> Iterator[tuple[Tensor, Tensor]]:
    """Read images ``(N, C, H, W)``, as the student sees them, and their labels.

    They come from all over the dataset in a mixed order, always the same, so
    that the first ones stand for all.
    """
    count = min(num_images, len(dataset))
    order = torch.randperm(count, generator=torch.Generator().manual_seed(0))
    for indices in order.split(BATCH):
        batch = pseudo_collate(
            [dataset[int(i) * len(dataset) // count] for i in indices])
        inputs = preprocessor(dict(inputs=batch['inputs']), False)['inputs']
        yield inputs, read_labels(batch).to(inputs.device)


def _evaluate_for_all(teacher: AnyTeacher, student: nn.Module,
                      dataset: Dataset, num_images: int) -> str:
    """Evaluate in the first process; its verdict is that of all."""
    table, error = '', None
    if is_main_process():
        console = Console(stderr=True)
        try:
            batches = track(
                read_batches(dataset, student.data_preprocessor, num_images),
                'Asking the teacher',
                total=math.ceil(min(num_images, len(dataset)) / BATCH),
                console=console,
                transient=True,
                disable=not console.is_terminal)
            table = evaluate(teacher, batches,
                             StudentSpec.of(student).num_classes)
        except Exception as refusal:  # the others wait, whatever happened
            error = refusal
    verdict = [error and str(error)]
    broadcast_object_list(verdict)
    if verdict[0] is not None:
        raise error or ValueError(verdict[0])
    return table
