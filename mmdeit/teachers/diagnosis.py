"""Why a teacher is worse than it should be.

Each suspect is tried: the teacher is asked again with its channels reversed,
with other usual normalisations, at other sizes; its answers are compared
between batches and matched to the labels in another order. What brings the
accuracy back is named.
"""
from typing import Callable, Iterator, Tuple

import torch
from torch import Tensor

from .teacher import Teacher

NORMALISATIONS = {
    "ImageNet's": ([123.675, 116.28, 103.53], [58.395, 57.12, 57.375]),
    '[0, 1]': ([0.] * 3, [255.] * 3),
    '[-1, 1]': ([127.5] * 3, [127.5] * 3),
    "CIFAR's": ([125.307, 122.961, 113.8575], [51.5865, 50.847, 51.255]),
    '[0, 255]': ([0.] * 3, [1.] * 3),
}
SIZES = (32, 64, 96, 128, 160, 192, 224, 240, 256, 288, 320, 384, 448)
TRAIN_MODE = ('train mode: its answer to an image depends on the others of '
              'the batch, so dropout or batch norm is awake: export it after '
              '.eval()')
# A suspect has to bring back so much of what is missing to perfection.
CONVINCING = 0.25


@torch.no_grad()
def diagnose(teacher: Teacher, inputs: Tensor, labels: Tensor) -> str:
    """Find the likeliest cause of a low accuracy.

    Args:
        teacher (Teacher): The teacher, adapted to the student.
        inputs (Tensor): Images of the student's, ``(N, C, H, W)``.
        labels (Tensor): Their labels ``(N, )``.

    Returns:
        str: The suspect and its fix.
    """
    before = _hits(teacher, inputs, labels)
    tried = [(_share(hits), suspect)
             for hits, suspect in _trials(teacher, inputs, labels)]
    accuracy, suspect = max(tried, key=lambda trial: trial[0])
    expected = (teacher.expected_accuracy or 100.) / 100
    missing = expected - _share(before)
    if accuracy - _share(before) >= CONVINCING * missing:
        return f'{suspect}, which gives {100 * accuracy:.2f}'
    unloaded = getattr(teacher.network, 'unloaded', None)
    if unloaded:
        return (f'unloaded keys: {len(unloaded)} tensors, as {unloaded[0]}, '
                'kept their random start: give the checkpoint of the whole '
                'classifier')
    return ('random weights: no other channel order, mean and std, '
            'resolution or order of classes helps: give its checkpoint')


@torch.no_grad()
def depends_on_batch(teacher: Teacher, inputs: Tensor) -> bool:
    """Whether images are answered differently in another company.

    Args:
        teacher (Teacher): The teacher, adapted to the student.
        inputs (Tensor): Images of the student's, ``(N, C, H, W)``.

    Returns:
        bool: True if dropout or batch norm is awake.
    """
    half = min(len(inputs), 32) // 2
    alone = teacher(inputs[:half]).float()
    together = teacher(inputs[:2 * half]).float()[:half]
    # Low precision rounds by less than a hundredth of the spread.
    return bool((alone - together).abs().max() > 0.1 * alone.std())


def _hits(network: Callable, inputs: Tensor, labels: Tensor) -> Tensor:
    answers = torch.cat([network(x) for x in inputs.split(64)])
    return answers.argmax(dim=1) == labels


def _share(hits: Tensor) -> float:
    return float(hits.float().mean())


def _trials(teacher: Teacher, inputs: Tensor,
            labels: Tensor) -> Iterator[Tuple[Tensor, str]]:
    """Try each suspect; yields the hits and what was changed."""
    own = teacher.preprocess

    def retry(**changes) -> Tensor:
        try:
            teacher.preprocess = own.but(**changes)
            return _hits(teacher, inputs, labels)
        except Exception:  # not every network takes every size
            return torch.zeros(1, dtype=torch.bool)
        finally:
            teacher.preprocess = own

    to_rgb = not own.arguments['to_rgb']
    yield (retry(to_rgb=to_rgb),
           f'channel order: set data_preprocessor=dict(to_rgb={to_rgb})')

    channels = inputs.size(1)
    for name, (mean, std) in NORMALISATIONS.items():
        yield (retry(mean=mean[:channels], std=std[:channels]),
               f'mean and std: set those of {name}, mean={mean}, std={std}')

    height, width = own(inputs[:1]).shape[-2:]
    for size in (*inputs.shape[-1:], *SIZES):
        if size != height and height / 4 <= size <= height * 4:
            yield (retry(input_size=size),
                   f'resolution: set input_size={size} instead of '
                   f'{height}x{width}')

    yield (_relabelled(teacher, inputs, labels),
           'class order: its classes stand for others: set class_mapping')


def _relabelled(teacher: Teacher, inputs: Tensor, labels: Tensor) -> Tensor:
    """Hits after giving each decision the label it meets most often.

    The labels are learnt on every other image and tried on the rest, so that
    a teacher without knowledge gains nothing.
    """
    decisions = torch.cat([teacher(x) for x in inputs.split(64)]).argmax(1)
    meets = torch.zeros(int(decisions.max()) + 1, int(labels.max()) + 1)
    order = torch.randperm(
        len(labels), generator=torch.Generator().manual_seed(0))
    known, unknown = order.to(labels.device).chunk(2)
    meets.index_put_((decisions[known].cpu(), labels[known].cpu()),
                     torch.ones(1),
                     accumulate=True)
    seen = meets.sum(dim=1) > 0
    decisions = decisions[unknown].cpu()
    renamed = meets.argmax(dim=1)[decisions]
    return seen[decisions] & (renamed == labels[unknown].cpu())
