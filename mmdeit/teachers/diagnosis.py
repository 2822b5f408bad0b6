"""Why a teacher is worse than it should be.

Each suspect is tried: the teacher is asked again with its channels reversed,
with other usual normalisations, at other sizes; its answers are compared
between batches and matched to the labels in another order. What brings the
accuracy back is named. The log shows each trial.
"""
from itertools import product
from typing import Iterable, Iterator, List, Tuple

import torch
from mmengine.logging import print_log
from torch import Tensor

from .teacher import Teacher

# what is suspected, its price, and changes of the preprocessing
Suspect = Tuple[str, float, dict]
# accuracy, its price, and what is suspected
Trial = Tuple[float, float, str]

NORMALISATIONS = {
    "ImageNet's": ([123.675, 116.28, 103.53], [58.395, 57.12, 57.375]),
    '[0, 1]': ([0.] * 3, [255.] * 3),
    '[-1, 1]': ([127.5] * 3, [127.5] * 3),
    "CIFAR's": ([125.307, 122.961, 113.8575], [51.5865, 50.847, 51.255]),
    '[0, 255]': ([0.] * 3, [1.] * 3),
}
SIZES = (32, 64, 96, 128, 160, 192, 224, 240, 256, 288, 320, 384, 448)
# The right suspect brings back all that is missing, but for the noise.
CONVINCING = 0.5
# With so much of it, no further suspects are tried: they take many passes.
EXPLAINED = 0.95
# The changes of a kind are tried on FEW images, the best FINALISTS on all.
FEW = 128
FINALISTS = 2
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
    decisions = _decisions(teacher, inputs)
    before = _share(decisions == labels)
    expected = (teacher.expected_accuracy or 100.) / 100
    trials = []
    for kind in _try_out(teacher, inputs, labels, decisions):
        trials += kind
        accuracy, _, suspect = max(trials, key=_worth)
        if accuracy - before >= EXPLAINED * (expected - before):
            break
    # With few images the teacher may be as good as expected, and still refused.
    if 0 < accuracy - before >= CONVINCING * (expected - before):
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


def _share(hits: Tensor) -> float:
    return float(hits.float().mean())


def _worth(trial: Trial) -> float:
    accuracy, price, _ = trial
    return accuracy - price


def _try_out(teacher: Teacher, inputs: Tensor, labels: Tensor,
             decisions: Tensor) -> Iterator[List[Trial]]:
    """Try one kind of suspect after the other, those with few passes first."""
    for suspects in (_other_values, _other_sizes):
        yield _try_changes(teacher, suspects(teacher, inputs), inputs, labels)
    yield [_trial('class order: its classes stand for others: set '
                  'class_mapping', PRICE_OF_ORDER,
                  _relabelled(decisions.cpu(), labels.cpu()), len(labels))]


def _try_changes(teacher: Teacher, suspects: Iterable[Suspect], inputs: Tensor,
                 labels: Tensor) -> List[Trial]:
    if len(labels) > FEW:
        suspects = sorted(
            suspects,
            key=lambda suspect: _worth(
                _try_change(teacher, suspect, inputs[:FEW], labels[:FEW])),
            reverse=True)[:FINALISTS]
    return [_try_change(teacher, suspect, inputs, labels)
            for suspect in suspects]


def _try_change(teacher: Teacher, suspect: Suspect, inputs: Tensor,
                labels: Tensor) -> Trial:
    text, price, changes = suspect
    own, accuracy = teacher.preprocess, 0.
    try:
        teacher.preprocess = own.replace(**changes)
        accuracy = _share(_decisions(teacher, inputs) == labels)
    except Exception:  # not every network takes every size
        pass
    finally:
        teacher.preprocess = own
    return _trial(text, price, accuracy, len(labels))


def _trial(suspect: str, price: float, accuracy: float, count: int) -> Trial:
    print_log(f'  {suspect}: {100 * accuracy:.1f} on {count} images',
              'current')
    return accuracy, price, suspect


def _other_values(teacher: Teacher, inputs: Tensor) -> Iterator[Suspect]:
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
            yield (f'{" and ".join(suspects)}: set '
                   f'data_preprocessor=dict({", ".join(settings)})',
                   PRICE * len(fixes), changes)


def _other_sizes(teacher: Teacher, inputs: Tensor) -> Iterator[Suspect]:
    height, width = teacher.preprocess(inputs[:1]).shape[-2:]
    for size in sorted({*inputs.shape[-2:], *SIZES} - {height}):
        if height / 4 <= size <= height * 4:
            yield (f'resolution: set input_size={size} instead of '
                   f'{height}x{width}', PRICE, dict(input_size=size))


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
    return _share(renamed == labels[tried])
