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

from .check_answer import NOT_FINITE, check_answer
from .diagnosis import TRAIN_MODE, depends_on_batch, diagnose
from .teacher import Teacher

Batch = Tuple[Tensor, Tensor]
# name, accuracy, expected percent, images without a finite answer
Row = Tuple[str, float, Optional[float], int]

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
def preflight(teacher: Teacher, batches: Iterable[Batch],
              num_classes: int) -> str:
    """Evaluate a teacher and each of its members.

    Args:
        teacher (Teacher): The teacher, adapted to the student.
        batches (Iterable[tuple[Tensor, Tensor]]): Held-out images of the
            student's, ``(N, C, H, W)``, and their labels ``(N, )``.
        num_classes (int): Number K of classes.

    Returns:
        str: A table of the accuracies, beside chance and what is expected.

    Raises:
        ValueError: If a member is refused, with the likeliest cause; or does
            not answer all of these images.
    """
    rows, num_images, (inputs, labels) = _evaluate(teacher, batches,
                                                   num_classes)
    for member, (_, accuracy, expected, not_finite) in zip(
            teacher.members, rows):
        if not_finite:
            raise ValueError(
                f'teacher {member.name!r} answers {not_finite} of {num_images} '
                f'held-out images with {NOT_FINITE}')
        if depends_on_batch(member, inputs):
            raise ValueError(f'teacher {member.name!r}: {TRAIN_MODE}')
        reason = _refusal(accuracy, expected, num_images, num_classes)
        if reason:
            print_log(f'Teacher {member.name!r} {reason}. Looking for the '
                      'cause ...', 'current')
            raise ValueError(f'teacher {member.name!r} {reason}: '
                             f'{diagnose(member, inputs, labels)}')
    return _table(rows, num_images, num_classes)


def _evaluate(teacher: Teacher, batches: Iterable[Batch],
              num_classes: int) -> Tuple[List[Row], int, Batch]:
    """Rows of the members and of all, on how many, and the first images."""
    counts, num_images, kept = 0, 0, []
    for inputs, labels in batches:
        if num_images == 0:  # they may have another size than in training
            check_answer(teacher, inputs[:2], num_classes)
        answers = [member(inputs) for member in teacher.members]
        if len(answers) > 1:
            answers.append(teacher.combine(answers))
        # (M + 1, 2), summed on the device, which is waited for once
        counts = counts + torch.stack([
            torch.stack([(answer.argmax(dim=1) == labels).sum(),
                         (~answer.isfinite()).any(dim=1).sum()])
            for answer in answers
        ])
        if num_images < DIAGNOSED:
            kept.append((inputs, labels))
        num_images += len(labels)
    names = [(m.name, m.expected_accuracy) for m in teacher.members]
    rows = [(name, hits / num_images, expected, not_finite)
            for (name, expected), (hits, not_finite) in zip(
                [*names, (teacher.name, None)], counts.tolist())]
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
    luck, halfway = chance + 5 * deviation(chance), (1 + chance) / 2
    if accuracy <= min(luck, halfway):
        few = ', too few to be sure (preflight=0 trusts it)'
        return (f'{measured}{few if luck > halfway else ""}, chance is '
                f'{100 * chance:.2f}')
    return ''


def _table(rows: List[Row], num_images: int, num_classes: int) -> str:
    table = Table(title=f'Teacher on {num_images} held-out images')
    table.add_column('teacher')
    for heading in ('top-1, %', 'expected', 'chance'):
        table.add_column(heading, justify='right')
    for name, accuracy, expected, _ in rows:
        table.add_row(name, f'{100 * accuracy:.2f}',
                      '' if expected is None else f'{expected:.2f}',
                      f'{100 / num_classes:.2f}')
    console = Console(width=80)
    with console.capture() as capture:
        console.print(table)
    return capture.get()
