"""Why a teacher is worse than it should be.

Candidate causes are tried out: the teacher is asked again with its channels
reversed, with other usual normalisations and at other sizes, and its answers
are matched to the labels in another order. The cause whose removal restores
the accuracy is named. The log shows each trial.
"""
from itertools import product
from operator import attrgetter
from typing import Iterator, NamedTuple

import torch
from mmengine.logging import print_log
from torch import Tensor

from .teacher import Teacher

NORMALIZATIONS = {
    "ImageNet's": ([123.675, 116.28, 103.53], [58.395, 57.12, 57.375]),
    '[0, 1]': ([0.] * 3, [255.] * 3),
    '[-1, 1]': ([127.5] * 3, [127.5] * 3),
    "CIFAR's": ([125.307, 122.961, 113.8575], [51.5865, 50.847, 51.255]),
    '[0, 255]': ([0.] * 3, [1.] * 3),
}
SIZES = (32, 64, 96, 128, 160, 192, 224, 240, 256, 288, 320, 384, 448)
# The right cause restores all of the missing accuracy, but for the noise: a
# cause is named from this share on ...
CONVINCING = 0.5
# ... and from this share on no further kind is tried, as each takes passes.
EXPLAINED = 0.95
# The candidates of a kind are tried on FEW images, the BEST of them on all.
FEW = 128
BEST = 2
# Accuracy that each change has to be worth, so that of the causes that explain
# the same the simplest is named. Reordered classes can explain almost all.
PENALTY = 0.02
ORDER_PENALTY = 0.1


class Candidate(NamedTuple):
    """A possible cause, its fix, and the accuracy with this fix."""
    cause: str
    penalty: float
    changes: dict = {}  # of the preprocessing
    accuracy: float = 0.

    @property
    def score(self) -> float:
        """What candidates are compared by."""
        return self.accuracy - self.penalty


@torch.no_grad()
def diagnose(teacher: Teacher, inputs: Tensor, labels: Tensor) -> str:
    """Find the likeliest cause of a low accuracy, and its fix.

    The student's images ``(N, C, H, W)`` and labels ``(N, )`` are in a mixed
    order.
    """
    unloaded = getattr(teacher.network, 'unloaded', None)
    if unloaded:
        return (f'unloaded keys: {len(unloaded)} tensors, as {unloaded[0]}, '
                'kept their random start: give the checkpoint of the whole '
                'classifier')
    decisions = _decide(teacher, inputs)
    before = (decisions == labels).float().mean().item()
    expected = (teacher.expected_accuracy or 100.) / 100
    tried: list[Candidate] = []
    for kind in _trials(teacher, inputs, labels, decisions):
        tried += kind
        best = max(tried, key=attrgetter('score'))
        if best.accuracy - before >= EXPLAINED * (expected - before):
            break
    # With few images the teacher may be as good as expected, and still refused.
    if 0 < best.accuracy - before >= CONVINCING * (expected - before):
        return f'{best.cause}, which gives {100 * best.accuracy:.2f}'
    others = ('no other channel order, mean and std, resolution or order of '
              'classes helps')
    chance = 1 / teacher(inputs[:1]).size(1)
    if before > (chance + expected) / 2:
        return (f'unknown cause: {others}: look at its checkpoint and at '
                'expected_accuracy')
    return f'random weights: {others}: give its checkpoint'


@torch.no_grad()
def depends_on_batch(teacher: Teacher, inputs: Tensor) -> bool:
    """Whether an answer depends on the other images ``(N, C, H, W)``.

    It does where dropout or batch norm is in train mode. A single image
    cannot tell.
    """
    whole = teacher(inputs[:32]).float()
    half = len(whole) // 2
    if half == 0:
        return False
    # Low precision rounds by less than a hundredth of the spread.
    difference = (teacher(inputs[:half]).float() - whole[:half]).abs().max()
    return bool(difference > 0.1 * whole.std())


def _decide(teacher: Teacher, inputs: Tensor) -> Tensor:
    return torch.cat([teacher(x).argmax(dim=1) for x in inputs.split(64)])


def _trials(teacher: Teacher, inputs: Tensor, labels: Tensor,
            decisions: Tensor) -> Iterator[list[Candidate]]:
    """Try one kind of cause after the other, those with few passes first."""
    for kind in (_other_values, _other_sizes):
        candidates = list(kind(teacher, inputs))
        if len(labels) > FEW:
            few = [_try(teacher, candidate, inputs[:FEW], labels[:FEW])
                   for candidate in candidates]
            candidates = sorted(
                few, key=attrgetter('score'), reverse=True)[:BEST]
        yield [_try(teacher, candidate, inputs, labels)
               for candidate in candidates]
    order = Candidate(
        'class order: its classes stand for others: set class_mapping',
        ORDER_PENALTY)
    accuracy = _relabelled(decisions.cpu(), labels.cpu())
    yield [_record(order, accuracy, len(labels))]


def _try(teacher: Teacher, candidate: Candidate, inputs: Tensor,
         labels: Tensor) -> Candidate:
    own, accuracy = teacher.preprocess, 0.
    try:
        teacher.preprocess = own.replace(**candidate.changes)
        accuracy = (_decide(teacher, inputs) == labels).float().mean().item()
    except Exception:  # not every network takes every size
        pass
    finally:
        teacher.preprocess = own
    return _record(candidate, accuracy, len(labels))


def _record(candidate: Candidate, accuracy: float, count: int) -> Candidate:
    print_log(
        f'  {candidate.cause}: {100 * accuracy:.1f} on {count} images',
        'current')
    return candidate._replace(accuracy=accuracy)


def _other_values(teacher: Teacher, inputs: Tensor) -> Iterator[Candidate]:
    channels = teacher.preprocess(inputs[:1]).size(1)
    to_rgb = teacher.preprocess.arguments['to_rgb']
    for flip, values in product((False, True),
                                (None, *NORMALIZATIONS.values())):
        changes, causes = {}, []
        if flip:
            causes.append('channel order')
            changes.update(to_rgb=not to_rgb)
        if values is not None:
            causes.append('mean and std')
            mean, std = (value[:channels] for value in values)
            changes.update(mean=mean, std=std)
        if causes:
            settings = ', '.join(f'{k}={v}' for k, v in changes.items())
            yield Candidate(
                f'{" and ".join(causes)}: set '
                f'data_preprocessor=dict({settings})', PENALTY * len(causes),
                changes)


def _other_sizes(teacher: Teacher, inputs: Tensor) -> Iterator[Candidate]:
    height, width = teacher.preprocess(inputs[:1]).shape[-2:]
    for size in sorted({*inputs.shape[-2:], *SIZES} - {height}):
        if height / 4 <= size <= height * 4:
            yield Candidate(
                f'resolution: set input_size={size} instead of '
                f'{height}x{width}', PENALTY, dict(input_size=size))


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
    return (renamed == labels[tried]).float().mean().item()
