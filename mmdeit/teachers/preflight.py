"""A teacher's accuracy, before anybody learns from it.

A wrong teacher trains without an error. So it is evaluated on held-out images
of the student, through its own preprocessing; near chance, or far below what
is expected of it, it is refused with a diagnosis.
"""
import math
from typing import Dict, Tuple

import torch
from mmengine.dataset import pseudo_collate
from rich.console import Console
from rich.table import Table
from torch import Tensor, nn
from torch.utils.data import Dataset

from mmdeit.environment import keep_random_state

from .diagnosis import TRAIN_MODE, depends_on_batch, diagnose
from .teacher import Teacher

BATCH = 64


def take_images(dataset: Dataset, preprocessor: nn.Module,
                num_images: int) -> Tuple[Tensor, Tensor]:
    """Take images from all over a dataset, as the student would see them.

    Args:
        dataset (Dataset): A dataset of mmpretrain.
        preprocessor (nn.Module): The student's data preprocessor.
        num_images (int): How many to take, at most.

    Returns:
        tuple[Tensor, Tensor]: Images ``(N, C, H, W)`` and labels ``(N, )``,
        on the preprocessor's device.
    """
    count = min(num_images, len(dataset))
    with keep_random_state():
        samples = [dataset[i * len(dataset) // count] for i in range(count)]
    batch = preprocessor(pseudo_collate(samples), False)
    labels = torch.cat([s.gt_label for s in batch['data_samples']])
    return batch['inputs'], labels.to(batch['inputs'].device)


@torch.no_grad()
def top1(network: nn.Module, inputs: Tensor, labels: Tensor) -> float:
    """Top-1 accuracy.

    Args:
        network (nn.Module): Maps images to logits.
        inputs (Tensor): Images ``(N, C, H, W)``.
        labels (Tensor): Their labels ``(N, )``.

    Returns:
        float: Between 0 and 1.
    """
    hits = sum((network(x).argmax(dim=1) == y).sum()
               for x, y in zip(inputs.split(BATCH), labels.split(BATCH)))
    return float(hits) / len(labels)


def preflight(teacher: nn.Module, inputs: Tensor, labels: Tensor,
              num_classes: int) -> str:
    """Evaluate a teacher and each of its members.

    Args:
        teacher (nn.Module): The teacher or ensemble, adapted to the student.
        inputs (Tensor): Held-out images of the student's, ``(N, C, H, W)``.
        labels (Tensor): Their labels ``(N, )``.
        num_classes (int): Number K of classes.

    Returns:
        str: A table of the accuracies, beside chance and what is expected.

    Raises:
        ValueError: If a member is refused; with the likeliest cause.
    """
    accuracies: Dict[str, Tuple] = {
        member.name: (top1(member, inputs, labels), member.expected_accuracy)
        for member in teacher.members
    }
    if len(teacher.members) > 1:
        accuracies[teacher.name] = (top1(teacher, inputs, labels), None)
    for member in teacher.members:
        if depends_on_batch(member, inputs):
            raise ValueError(f'teacher {member.name!r}: {TRAIN_MODE}')
        reason = _refusal(member, *accuracies[member.name], len(labels),
                          num_classes)
        if reason:
            cause = diagnose(member, inputs, labels)
            raise ValueError(f'teacher {member.name!r} {reason}: {cause}')
    return _table(accuracies, len(labels), num_classes)


def _refusal(member: Teacher, accuracy: float, expected: float,
             num_images: int, num_classes: int) -> str:
    """Say why a teacher of this accuracy is refused, or nothing."""

    def deviation(rate: float) -> float:
        return math.sqrt(rate * (1 - rate) / num_images)

    chance = 1 / num_classes
    measured = f'has {100 * accuracy:.2f} top-1 on {num_images} held-out images'
    # At three standard deviations one good teacher in 700 is refused, at five
    # no luck is taken for knowledge.
    if expected is not None and \
            accuracy < expected / 100 - 3 * deviation(expected / 100) - 1e-9:
        return f'{measured}, expected are {expected:.2f}'
    if accuracy <= chance + 5 * deviation(chance):
        return f'{measured}, chance is {100 * chance:.2f}'
    return ''


def _table(accuracies: dict, num_images: int, num_classes: int) -> str:
    table = Table(title=f'Teacher on {num_images} held-out images')
    table.add_column('teacher')
    for heading in ('top-1, %', 'expected', 'chance'):
        table.add_column(heading, justify='right')
    for name, (accuracy, expected) in accuracies.items():
        table.add_row(name, f'{100 * accuracy:.2f}',
                      '' if expected is None else f'{expected:.2f}',
                      f'{100 / num_classes:.2f}')
    console = Console(width=80)
    with console.capture() as capture:
        console.print(table)
    return capture.get()
