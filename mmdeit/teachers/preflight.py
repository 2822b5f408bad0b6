"""A teacher's accuracy, before anybody learns from it.

A wrong teacher trains without an error. So it is evaluated on held-out images
of the student, through its own preprocessing; near chance, or far below what
is expected of it, it is refused with a diagnosis.
"""
import math
from typing import Iterable, Iterator, List, Optional, Tuple

import torch
from mmengine.dataset import pseudo_collate
from mmengine.logging import print_log
from rich.console import Console
from rich.table import Table
from torch import Tensor, nn
from torch.utils.data import Dataset

from .base_teacher import BaseTeacher
from .diagnosis import TRAIN_MODE, depends_on_batch, diagnose

Batch = Tuple[Tensor, Tensor]
Row = Tuple[str, float, Optional[float]]  # name, accuracy, expected percent

BATCH = 64
# Enough to diagnose by; more would only take longer.
DIAGNOSED = 512


def read_batches(dataset: Dataset, preprocessor: nn.Module,
                 num_images: int) -> Iterator[Batch]:
    """Read images from all over a dataset, as the student would see them.

    They come in a mixed order, always the same, so that the first ones stand
    for all.

    Args:
        dataset (Dataset): A dataset of mmpretrain.
        preprocessor (nn.Module): The student's data preprocessor.
        num_images (int): How many to take, at most.

    Yields:
        tuple[Tensor, Tensor]: Images ``(N, C, H, W)`` and labels ``(N, )``,
        on the preprocessor's device.
    """
    count = min(num_images, len(dataset))
    order = torch.randperm(count, generator=torch.Generator().manual_seed(0))
    for indices in order.split(BATCH):
        samples = [dataset[int(i) * len(dataset) // count] for i in indices]
        batch = preprocessor(pseudo_collate(samples), False)
        labels = torch.cat([s.gt_label for s in batch['data_samples']])
        yield batch['inputs'], labels.to(batch['inputs'].device)


@torch.no_grad()
def preflight(teacher: BaseTeacher, batches: Iterable[Batch],
              num_classes: int) -> str:
    """Evaluate a teacher and each of its members.

    Args:
        teacher (BaseTeacher): The teacher, adapted to the student.
        batches (Iterable[tuple[Tensor, Tensor]]): Held-out images of the
            student's, ``(N, C, H, W)``, and their labels ``(N, )``.
        num_classes (int): Number K of classes.

    Returns:
        str: A table of the accuracies, beside chance and what is expected.

    Raises:
        ValueError: If a member is refused; with the likeliest cause.
    """
    rows, num_images, (inputs, labels) = _evaluate(teacher, batches)
    for member, (_, accuracy, expected) in zip(teacher.members, rows):
        if depends_on_batch(member, inputs):
            raise ValueError(f'teacher {member.name!r}: {TRAIN_MODE}')
        reason = _refusal(accuracy, expected, num_images, num_classes)
        if reason:
            print_log(f'Teacher {member.name!r} {reason}. Looking for the '
                      'cause ...', 'current')
            raise ValueError(f'teacher {member.name!r} {reason}: '
                             f'{diagnose(member, inputs, labels)}')
    return _table(rows, num_images, num_classes)


def _evaluate(teacher: BaseTeacher,
              batches: Iterable[Batch]) -> Tuple[List[Row], int, Batch]:
    """Accuracy of each member and of all, on how many, and the first ones."""
    names = [(m.name, m.expected_accuracy) for m in teacher.members]
    if len(names) > 1:
        names.append((teacher.name, None))
    hits, num_images, kept = [0] * len(names), 0, []
    for inputs, labels in batches:
        answers = [member(inputs) for member in teacher.members]
        if len(answers) > 1:
            answers.append(teacher.join(answers))
        for i, answer in enumerate(answers):
            hits[i] += int((answer.argmax(dim=1) == labels).sum())
        if num_images < DIAGNOSED:
            kept.append((inputs, labels))
        num_images += len(labels)
    rows = [(name, hit / num_images, expected)
            for hit, (name, expected) in zip(hits, names)]
    return rows, num_images, tuple(torch.cat(part) for part in zip(*kept))


def _refusal(accuracy: float, expected: Optional[float], num_images: int,
             num_classes: int) -> str:
    """Say why a teacher of this accuracy is refused, or nothing.

    Hits on N images scatter by ``sqrt(p * (1 - p) / N)`` around a rate p. At
    three of these deviations below what is expected, one good teacher in 700
    is refused. At five above chance no luck is taken for knowledge; where the
    images are too few for five, halfway to perfection has to do.
    """

    def deviation(rate: float) -> float:
        return math.sqrt(rate * (1 - rate) / num_images)

    measured = f'has {100 * accuracy:.2f} top-1 on {num_images} held-out images'
    if expected is not None:
        rate = expected / 100
        if accuracy < rate - 3 * deviation(rate):
            return f'{measured}, expected are {expected:.2f}'
    chance = 1 / num_classes
    if accuracy <= min(chance + 5 * deviation(chance), (1 + chance) / 2):
        return f'{measured}, chance is {100 * chance:.2f}'
    return ''


def _table(rows: List[Row], num_images: int, num_classes: int) -> str:
    table = Table(title=f'Teacher on {num_images} held-out images')
    table.add_column('teacher')
    for heading in ('top-1, %', 'expected', 'chance'):
        table.add_column(heading, justify='right')
    for name, accuracy, expected in rows:
        table.add_row(name, f'{100 * accuracy:.2f}',
                      '' if expected is None else f'{expected:.2f}',
                      f'{100 / num_classes:.2f}')
    console = Console(width=80)
    with console.capture() as capture:
        console.print(table)
    return capture.get()
