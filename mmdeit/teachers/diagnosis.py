"""Why a teacher is worse than it should be.

Each suspect is tried: the teacher is asked again with its channels reversed,
with other usual normalisations, at other sizes; its answers are compared
between batches and matched to the labels in another order. What brings the
accuracy back is named.
"""
from itertools import product
from typing import Iterator, Tuple

import torch
from torch import Tensor

from .teacher import Teacher

# accuracy, its price, and what was changed
Trial = Tuple[float, float, str]

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
# The right suspect brings back all that is missing, but for the noise.
CONVINCING = 0.5
# With so much of it, no further suspects are tried: they take many passes.
EXPLAINED = 0.95
# A change more has to be worth so much: of the suspects that explain the same,
# the simplest is named. Another order of the classes can explain almost all.
PRICE = 0.02
PRICE_OF_ORDER = 0.1


@torch.no_grad()
def diagnose(teacher: Teacher, inputs: Tensor, labels: Tensor) -> str:
    """Find the likeliest cause of a low accuracy.

    Args:
        teacher (Teacher): The teacher, adapted to the student.
        inputs (Tensor): Images of the student's, ``(N, C, H, W)``, in a mixed
            order.
        labels (Tensor): Their labels ``(N, )``.

    Returns:
        str: The suspect and its fix.
    """
    unloaded = getattr(teacher.network, 'unloaded', None)
    if unloaded:
        return (f'unloaded keys: {len(unloaded)} tensors, as {unloaded[0]}, '
                'kept their random start: give the checkpoint of the whole '
                'classifier')
    before = _accuracy(teacher, inputs, labels)
    expected = (teacher.expected_accuracy or 100.) / 100
    trials = []
    for try_out in (_other_values, _other_sizes, _other_order):
        trials += try_out(teacher, inputs, labels)
        accuracy, _, suspect = max(trials, key=lambda t: t[0] - t[1])
        if accuracy - before >= EXPLAINED * (expected - before):
            break
    if accuracy - before >= CONVINCING * (expected - before):
        return f'{suspect}, which gives {100 * accuracy:.2f}'
    tried = ('no other channel order, mean and std, resolution or order of '
             'classes helps')
    chance = 1 / teacher(inputs[:1]).size(1)
    if before > (chance + expected) / 2:
        return (f'unknown cause: {tried}: look at its checkpoint and at '
                'expected_accuracy')
    return f'random weights: {tried}: give its checkpoint'


@torch.no_grad()
def depends_on_batch(teacher: Teacher, inputs: Tensor) -> bool:
    """Whether images are answered differently in another company.

    Args:
        teacher (Teacher): The teacher, adapted to the student.
        inputs (Tensor): Images of the student's, ``(N, C, H, W)``.

    Returns:
        bool: True if dropout or batch norm is awake. A single image cannot
        tell.
    """
    together = teacher(inputs[:32]).float()
    half = len(together) // 2
    if half == 0:
        return False
    alone = teacher(inputs[:half]).float()
    # Low precision rounds by less than a hundredth of the spread.
    difference = (alone - together[:half]).abs().max()
    return bool(difference > 0.1 * together.std())


def _decisions(teacher: Teacher, inputs: Tensor) -> Tensor:
    return torch.cat([teacher(x).argmax(dim=1) for x in inputs.split(64)])


def _accuracy(teacher: Teacher, inputs: Tensor, labels: Tensor) -> float:
    return float((_decisions(teacher, inputs) == labels).float().mean())


def _retry(teacher: Teacher, inputs: Tensor, labels: Tensor,
           **changes) -> float:
    own = teacher.preprocess
    try:
        teacher.preprocess = own.replace(**changes)
        return _accuracy(teacher, inputs, labels)
    except Exception:  # not every network takes every size
        return 0.
    finally:
        teacher.preprocess = own


def _other_values(teacher: Teacher, inputs: Tensor,
                  labels: Tensor) -> Iterator[Trial]:
    channels = teacher.preprocess(inputs[:1]).size(1)
    to_rgb = teacher.preprocess.arguments['to_rgb']
    for flip, name in product((False, True), (None, *NORMALISATIONS)):
        changes, fixes = {}, []
        if flip:
            changes['to_rgb'] = not to_rgb
            fixes.append(('channel order', f'to_rgb={not to_rgb}'))
        if name is not None:
            mean, std = (v[:channels] for v in NORMALISATIONS[name])
            changes.update(mean=mean, std=std)
            fixes.append(('mean and std', f'mean={mean}, std={std}'))
        if fixes:
            suspects, settings = zip(*fixes)
            yield (_retry(teacher, inputs, labels, **changes),
                   PRICE * len(fixes),
                   f'{" and ".join(suspects)}: set '
                   f'data_preprocessor=dict({", ".join(settings)})')


def _other_sizes(teacher: Teacher, inputs: Tensor,
                 labels: Tensor) -> Iterator[Trial]:
    height, width = teacher.preprocess(inputs[:1]).shape[-2:]
    for size in sorted({*inputs.shape[-2:], *SIZES} - {height}):
        if height / 4 <= size <= height * 4:
            yield (_retry(teacher, inputs, labels, input_size=size), PRICE,
                   f'resolution: set input_size={size} instead of '
                   f'{height}x{width}')


def _other_order(teacher: Teacher, inputs: Tensor,
                 labels: Tensor) -> Iterator[Trial]:
    yield (_relabelled(_decisions(teacher, inputs).cpu(), labels.cpu()),
           PRICE_OF_ORDER,
           'class order: its classes stand for others: set class_mapping')


def _relabelled(decisions: Tensor, labels: Tensor) -> float:
    """Accuracy after giving each decision the label it meets most often.

    The labels are learnt on half of the images and tried on those of the rest
    whose decision was met, so that a teacher without knowledge gains nothing.
    """
    meets = torch.zeros(int(decisions.max()) + 1, int(labels.max()) + 1)
    learnt, tried = torch.arange(len(labels)).tensor_split(2)
    meets.index_put_((decisions[learnt], labels[learnt]),
                     torch.ones(1),
                     accumulate=True)
    tried = tried[meets[decisions[tried]].sum(dim=1) > 0]
    if len(tried) == 0:
        return 0.
    renamed = meets[decisions[tried]].argmax(dim=1)
    return float((renamed == labels[tried]).float().mean())
