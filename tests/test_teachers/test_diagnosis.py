"""Each cause, provoked once on a teacher that is good without it."""
import re

import pytest
import torch
from mmengine.registry import MODELS

from mmdeit.teachers import diagnosis
from mmdeit.teachers.diagnosis import depends_on_batch, diagnose
from mmdeit.teachers.evaluation import evaluate
from mmdeit.teachers.preflight import read_batches

from .toy import (
    CLASSES,
    IMAGENET,
    SPEC,
    STUDENT,
    ToyImages,
    fit_teacher,
    teacher_config,
)

EXPECTED = 91.4


@pytest.fixture(scope='module')
def checkpoints(tmp_path_factory):
    """Weights of the teacher at 16 and 32 pixels, and shuffled ones."""
    folder = tmp_path_factory.mktemp('teachers')
    fit_teacher(folder / 'toy.pth')
    fit_teacher(folder / 'large.pth', input_size=32)
    weights = torch.load(folder / 'toy.pth', weights_only=True)
    order = [3, 7, 0, 5, 1, 6, 2, 4]
    for name in ('head.weight', 'head.bias'):
        weights[name] = weights[name][order]
    torch.save(weights, folder / 'shuffled.pth')
    return folder


@pytest.fixture(scope='module')
def batches():
    preprocessor = MODELS.build(
        dict(type='mmpretrain.ClsDataPreprocessor', **STUDENT))
    return list(read_batches(ToyImages(1000, 512), preprocessor, 512))


def build(checkpoint, **changes):
    config = teacher_config(checkpoint, expected_accuracy=EXPECTED)
    teacher = MODELS.build({**config, **changes})
    teacher.bind(SPEC)
    return teacher


@pytest.fixture
def examine(checkpoints, batches):

    def examine(checkpoint='toy.pth', **changes):
        teacher = build(checkpoint and checkpoints / checkpoint, **changes)
        return evaluate(teacher, batches, len(CLASSES))

    return examine


def test_without_a_fault_it_passes(examine):
    """So that each fault below is what it is refused for."""
    assert '91.41 │    91.40 │  12.50' in examine()
    assert '91.40' in examine('large.pth', input_size=32)
    assert '12.50' in examine(expected_accuracy=None)


WRONG = {
    'channel order':
    (dict(data_preprocessor={**IMAGENET, 'to_rgb': False}),
     r'channel order: set data_preprocessor=dict\(to_rgb=True\), which gives '
     '91.41'),
    'mean and std':
    (dict(data_preprocessor=dict(mean=[0.] * 3, std=[255.] * 3, to_rgb=True)),
     r'mean and std: set data_preprocessor=dict\(mean=\[123.675, .*'
     r'\), which gives 91.41'),
    'both':
    (dict(data_preprocessor=None),
     r'channel order and mean and std: set data_preprocessor=dict\(to_rgb=True,'
     r" mean=\[123.675, .* which gives 91.41"),
    'resolution':
    (dict(checkpoint='large.pth'),
     'resolution: set input_size=32 instead of 16x16, which gives 9'),
    'class order':
    (dict(checkpoint='shuffled.pth'),
     'class order: its classes stand for others: set class_mapping, which'),
    'unloaded keys':
    (dict(model=dict(type='ToyClassifier', unloaded=('head.weight', 'bias')),
          checkpoint=None),
     'unloaded keys: 2 tensors, as head.weight, kept their random start: give'),
    'train mode, batch norm':
    (dict(model=dict(type='ToyClassifier', awake='batch norm')),
     'is in train mode: .* dropout or batch norm is awake: export it after'),
    'train mode, dropout':
    (dict(model=dict(type='ToyClassifier', awake='dropout')),
     'is in train mode: its answer to an image depends on the others'),
    'too much expected':
    (dict(expected_accuracy=99.),
     'unknown cause: no other channel order, .* helps: look at its checkpoint '
     'and at expected_accuracy'),
}


@pytest.mark.parametrize('fault', WRONG)
def test_fault(fault, examine):
    changes, message = WRONG[fault]
    with pytest.raises(ValueError, match=f'^teacher .*{message}') as error:
        examine(**changes)
    assert '\n' not in str(error.value)


@pytest.mark.parametrize('seed', range(3))
def test_random_weights(examine, seed):
    torch.manual_seed(seed)
    with pytest.raises(ValueError, match='random weights: no other channel'):
        examine(checkpoint=None)


def test_nothing_is_blamed_that_changes_nothing(checkpoints, batches):
    """A teacher as good as expected is refused where images are few."""
    inputs, labels = (torch.cat(part) for part in zip(*batches))
    verdict = diagnose(build(checkpoints / 'toy.pth'), inputs, labels)
    assert verdict.startswith('unknown cause')


def test_classes_in_another_order_than_mapped(examine):
    """The mapping itself may be wrong."""
    with pytest.raises(ValueError, match='class order'):
        examine(class_mapping=[1, 0, 3, 2, 5, 4, 7, 6])
    order = [3, 7, 0, 5, 1, 6, 2, 4]
    right = [order.index(k) for k in range(8)]
    assert '91.40' in examine('shuffled.pth', class_mapping=right)


def test_more_classes_than_images(batches, checkpoints):
    """Of most classes too few images are seen to learn what they stand for."""
    teacher = build(checkpoints / 'shuffled.pth')
    inputs, labels = (part[:24] for part in batches[0])
    assert 'class order' in diagnose(teacher, inputs, labels)


def answers(monkeypatch, accuracies):
    """Let trials of these changes come out like this, others at half."""

    def try_(teacher, candidate, inputs, labels):
        accuracy = accuracies.get(tuple(candidate.changes), 0.5)
        return candidate._replace(accuracy=accuracy)

    monkeypatch.setattr(diagnosis, '_try', try_)


def test_the_simplest_of_equal_causes(batches, checkpoints, monkeypatch):
    """A change more has to explain more than noise does."""
    teacher = build(checkpoints / 'shuffled.pth', expected_accuracy=95.)
    answers(monkeypatch, {('mean', 'std'): .91, ('to_rgb', 'mean', 'std'): .92})
    assert diagnose(teacher, *batches[0]).startswith('mean and std: set')


def test_another_order_has_to_explain_much_more(batches, checkpoints,
                                                monkeypatch):
    teacher = build(checkpoints / 'shuffled.pth')
    monkeypatch.setattr(diagnosis, '_relabelled', lambda *_: .9)
    answers(monkeypatch, {('input_size', ): .84})
    assert diagnose(teacher, *batches[0]).startswith('resolution: set')
    answers(monkeypatch, {('input_size', ): .78})
    assert diagnose(teacher, *batches[0]).startswith('class order: ')


def test_no_order_is_learnt_from_the_images_it_is_tried_on():
    decisions = torch.arange(8).repeat(4)
    assert diagnosis._relabelled(decisions, 7 - decisions) == 1
    torch.manual_seed(0)
    decisions, labels = torch.randint(100, (2, 400))
    assert diagnosis._relabelled(decisions, labels) < .1


def test_most_trials_see_few_images(batches, checkpoints, monkeypatch):
    inputs, labels = (torch.cat(part) for part in zip(*batches))
    assert len(inputs) == 512
    images, lines = [], []
    decide = diagnosis._decide
    monkeypatch.setattr(
        diagnosis, '_decide',
        lambda teacher, x: images.append(len(x)) or decide(teacher, x))
    monkeypatch.setattr(
        diagnosis, 'print_log', lambda line, logger: lines.append(line))
    teacher = build(checkpoints / 'toy.pth', data_preprocessor=None)
    diagnose(teacher, inputs, labels)
    # as it is; 11 normalisations, and the best two of them
    assert images == [512, *[128] * 11, 512, 512]
    assert re.fullmatch(
        r'  mean and std: set data_preprocessor=dict\(mean=\[123.675, 116.28, '
        r'103.53\], std=\[58.395, 57.12, 57.375\]\): \d\d.\d on 128 images',
        lines[0])
    assert len(lines) == 13 and lines[-2].endswith('91.4 on 512 images')


def test_leaves_the_preprocessing_as_it_was(batches, checkpoints):
    teacher = build(checkpoints / 'toy.pth', data_preprocessor=None)
    own = teacher.preprocess
    diagnose(teacher, *batches[0])
    assert teacher.preprocess is own


def test_a_size_that_it_cannot_take_is_no_cause(batches, checkpoints):
    teacher = build(checkpoints / 'shuffled.pth')
    forward = teacher.network.forward

    def only_16(images):
        assert images.size(-1) == 16
        return forward(images)

    teacher.network.forward = only_16
    assert 'class order' in diagnose(teacher, *batches[0])


@pytest.mark.parametrize('dtype', ['float32', 'bfloat16'])
@pytest.mark.parametrize('awake', [None, 'batch norm', 'dropout'])
def test_depends_on_batch(batches, checkpoints, awake, dtype):
    teacher = build(
        checkpoints / 'toy.pth', dtype=dtype,
        model=dict(type='ToyClassifier', awake=awake))
    assert depends_on_batch(teacher, batches[0][0]) == bool(awake)


def test_a_single_image_tells_nothing(batches, checkpoints):
    teacher = build(checkpoints / 'toy.pth')
    inputs, labels = (part[:1] for part in batches[0])
    assert not depends_on_batch(teacher, inputs)
    assert isinstance(diagnose(teacher, inputs, labels), str)
