"""What a teacher answers, and how well.

A wrong teacher trains without an error. So one that is near chance, or far
below what is expected of it, is refused with a diagnosis.
"""
import math
from typing import Iterable

import torch
from mmengine.logging import print_log
from rich.console import Console
from rich.table import Table
from torch import Tensor, nn

from .diagnosis import depends_on_batch, diagnose
from .ensemble import TeacherEnsemble
from .execution import reason_of
from .teacher import Teacher

# Enough images to diagnose by; more would only take longer.
DIAGNOSED = 512


def first_channels(network: nn.Module, default: int) -> int:
    """How many channels a network's first convolution takes, if it has one."""
    return next((module.in_channels for module in network.modules()
                 if isinstance(module, nn.Conv2d)), default)


def failure(images: Tensor, fix: str, error: Exception) -> str:
    """Say that a network fails on images ``(N, C, H, W)``, and what to do."""
    channels, height, width = images.shape[1:]
    return (f'fails on images of {channels} channels and {height}x{width} '
            f'pixels: {fix} ({reason_of(error)})')


@torch.no_grad()
def ask(member: Teacher, inputs: Tensor, num_classes: int) -> Tensor:
    """Ask a teacher about the student's images ``(N, C, H, W)``.

    An answer other than finite logits ``(N, K)`` is a ValueError.
    """
    images = inputs
    try:
        images = member.preprocess(inputs)
        logits = member.execute(images)
    except Exception as error:  # a network may fail in any way
        fix = 'set input_size to the size that it was trained at'
        fix += ', or compile=False' * member.execution.compile
        channels = images.size(1)
        takes = first_channels(member.network, channels)
        if takes != channels:
            fix = (f'it takes {takes} channels: give another teacher, or load '
                   f'images of {takes} channels')
            if channels == 1:  # grey is repeated for as many as it has
                fix = (f'it takes {takes} channels: set its data_preprocessor='
                       f'dict(mean=[...], std=[...]) with {takes} numbers each')
        raise ValueError(f'teacher {member.name!r} '
                         f'{failure(images, fix, error)}') from error
    if fault := _fault(member, logits, len(inputs), num_classes):
        raise ValueError(f'teacher {member.name!r} {fault}')
    return member.select_classes(logits)


def _fault(member: Teacher, logits: Tensor, num_images: int,
           num_classes: int) -> str:
    """Say what is wrong with an answer, or nothing."""
    shape = tuple(getattr(logits, 'shape', ()))
    if len(shape) != 2 or shape[0] != num_images:
        return (f'answers {num_images} images with a {type(logits).__name__} '
                f'of shape {shape} instead of logits of shape '
                f'({num_images}, classes): give it its classifier (a head)')
    if not_finite := num_images - int(logits.isfinite().all(dim=1).sum()):
        return (f'answers {not_finite} of {num_images} images with numbers '
                'that are not finite: look for damaged weights, or set '
                "dtype='float32'")
    has, names = f'has {shape[1]} classes', member.class_names
    if member.indices is None:
        return '' if shape[1] == num_classes else (
            f'{has}, the student {num_classes}: give both the same '
            'num_classes, or set class_mapping')
    if names is not None and len(names) != shape[1]:
        return (f'{has}, but {len(names)} class_names: give the name of each, '
                'in order')
    beyond = [i for i in member.indices.tolist() if not 0 <= i < shape[1]]
    return '' if not beyond else (
        f'{has}, but class_mapping asks for class {beyond[0]}: correct it')


@torch.no_grad()
def evaluate(teacher: Teacher | TeacherEnsemble,
             batches: Iterable[tuple[Tensor, Tensor]],
             num_classes: int) -> str:
    """Evaluate a teacher and each of its members on held-out images.

    The batches have images ``(N, C, H, W)`` and labels ``(N, )``.

    Returns:
        str: A table of the accuracies, beside chance and what is expected.

    Raises:
        ValueError: If a member is refused, with the likeliest cause.
    """
    hits, num_images, kept = 0, 0, []
    for inputs, labels in batches:
        answers = [ask(member, inputs, num_classes)
                   for member in teacher.members]
        if len(answers) > 1:
            answers.append(teacher.combine(answers))
        hits = hits + torch.stack(
            [(answer.argmax(dim=1) == labels).sum() for answer in answers])
        if num_images < DIAGNOSED:
            kept.append((inputs, labels))
        num_images += len(labels)
    accuracies = [count / num_images for count in hits.tolist()]
    inputs, labels = (torch.cat(part) for part in zip(*kept))
    for member, accuracy in zip(teacher.members, accuracies):
        verdict = _refusal(accuracy, member.expected_accuracy, num_images,
                           num_classes)
        if depends_on_batch(member, inputs):
            verdict = ('is in train mode: its answer to an image depends on '
                       'the others of the batch, so dropout or batch norm is '
                       'awake: export it after .eval()')
        elif verdict:
            print_log(f'Teacher {member.name!r} {verdict}. Looking for the '
                      'cause ...', 'current')
            verdict += f': {diagnose(member, inputs, labels)}'
        if verdict:
            raise ValueError(f'teacher {member.name!r} {verdict}')
    return _table(teacher, accuracies, num_images, num_classes)


def _refusal(accuracy: float, expected: float | None, num_images: int,
             num_classes: int) -> str:
    """Say why a teacher of this accuracy is refused, or nothing.

    Hits on N images scatter by ``sqrt(p * (1 - p) / N)`` around a rate p. At
    three of these deviations below what is expected, one good teacher in 700
    is refused. A teacher within five of chance is refused too or, where the
    images are too few for that, one less than halfway from chance to 100%.
    """

    def deviation(rate: float) -> float:
        return math.sqrt(rate * (1 - rate) / num_images)

    measured = f'has {100 * accuracy:.2f} top-1 on {num_images} held-out images'
    rate = (expected or 0) / 100
    if accuracy < rate - 3 * deviation(rate):
        return f'{measured}, expected are {expected:.2f}'
    chance = 1 / num_classes
    luck, halfway = chance + 5 * deviation(chance), (1 + chance) / 2
    if accuracy <= min(luck, halfway):
        few = ', too few to be sure (preflight=0 trusts it)'
        return (f'{measured}{few if luck > halfway else ""}, chance is '
                f'{100 * chance:.2f}')
    return ''


def _table(teacher: Teacher | TeacherEnsemble, accuracies: list[float],
           num_images: int, num_classes: int) -> str:
    table = Table(title=f'Teacher on {num_images} held-out images')
    table.add_column('teacher')
    for heading in ('top-1, %', 'expected', 'chance'):
        table.add_column(heading, justify='right')
    # A teacher is its only member; an ensemble has an accuracy more.
    for one, accuracy in zip([*teacher.members, teacher], accuracies):
        expected = getattr(one, 'expected_accuracy', None)
        table.add_row(one.name, f'{100 * accuracy:.2f}',
                      '' if expected is None else f'{expected:.2f}',
                      f'{100 / num_classes:.2f}')
    console = Console(width=80)
    with console.capture() as capture:
        console.print(table)
    return capture.get()
