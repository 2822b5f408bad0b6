import pytest
import torch
from mmpretrain.structures import DataSample

from mmdeit.structures import TrainingTargets, read_labels

LABELS = torch.tensor([2, 0])
SCORES = torch.tensor([[.5, .25, .25], [0., 1., 0.]])


def samples(*labels):
    return [DataSample().set_gt_label(label) for label in labels]


def test_target_is_the_labels_or_what_mixing_made_of_them():
    assert TrainingTargets(LABELS).target is LABELS
    assert TrainingTargets(LABELS, SCORES).target is SCORES
    assert TrainingTargets(LABELS).teacher_answer is None


def test_is_a_sequence_of_datasamples_for_mmpretrain():
    targets = TrainingTargets(LABELS, SCORES)
    assert len(targets) == 2
    for sample, label, score in zip(targets, LABELS, SCORES, strict=True):
        assert isinstance(sample, DataSample)
        assert sample.gt_label.tolist() == [label]
        assert torch.equal(sample.gt_score, score)
    assert targets[0] is targets[0]  # made once
    assert 'gt_score' not in TrainingTargets(LABELS)[0]


def test_of_datasamples():
    given = samples(2, 0)
    assert torch.equal(TrainingTargets.of(given).target, LABELS)
    for sample, score in zip(given, SCORES):
        sample.set_gt_score(score)
    targets = TrainingTargets.of(given)
    assert torch.equal(targets.labels, LABELS)
    assert torch.equal(targets.target, SCORES)
    assert TrainingTargets.of(targets) is targets
    scores = [DataSample().set_gt_score(score) for score in SCORES]
    assert torch.equal(TrainingTargets.of(scores).target, SCORES)


@pytest.mark.parametrize('batch', [
    dict(labels=LABELS),
    dict(labels=[*LABELS]),
    dict(data_samples=samples(2, 0)),
])
def test_labels_of_a_batch(batch):
    assert torch.equal(read_labels(batch), LABELS)


def test_labels_that_the_preprocessor_dropped():
    with pytest.raises(ValueError, match='set data_preprocessor.type='):
        TrainingTargets.of(None)


@pytest.mark.parametrize('batch, message', [
    (dict(labels=torch.ones(2, 3)), 'several labels'),
    (dict(data_samples=samples([0, 1], [2])), 'several labels'),
    (dict(data_samples=samples([0, 1], [])), 'no label: set with_label=True'),
    (dict(data_samples=[*samples(1), DataSample()]), 'an image has no label'),
])
def test_other_labels(batch, message):
    with pytest.raises(ValueError, match=message):
        read_labels(batch)
