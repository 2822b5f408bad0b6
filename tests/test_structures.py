import pytest
import torch
from mmpretrain.structures import DataSample

from mmdeit.structures import (
    read_labels,
    set_teacher_logits,
    stack_targets,
    stack_teacher_logits,
)


def test_logits_come_back_as_they_went_in():
    samples = [DataSample() for _ in range(3)]
    logits = torch.randn(3, 5)
    set_teacher_logits(samples, logits)
    assert torch.equal(samples[1].teacher_logits, logits[1])
    assert torch.equal(stack_teacher_logits(samples), logits)


@pytest.mark.parametrize('answer', [
    torch.randn(2, 5),
    torch.randn(3, 5, 7, 7),
    (torch.randn(3, 5), ),
])
def test_answer_that_is_no_logits(answer):
    with pytest.raises(ValueError, match=r'of logits of shape \(3, num_class'):
        set_teacher_logits([DataSample() for _ in range(3)], answer)


def test_no_logits():
    with pytest.raises(ValueError, match='add dict.*mmdeit.TeacherHook'):
        stack_teacher_logits([DataSample()])


def test_targets_are_labels_or_what_mixup_made_of_them():
    samples = [DataSample().set_gt_label(i) for i in (2, 0)]
    assert stack_targets(samples).tolist() == [2, 0]
    for sample in samples:
        sample.set_gt_score([.5, .25, .25])
    assert stack_targets(samples).tolist() == [[.5, .25, .25]] * 2


@pytest.mark.parametrize('batch', [
    dict(labels=torch.tensor([2, 0])),
    dict(labels=[torch.tensor(2), torch.tensor(0)]),
    dict(data_samples=[DataSample().set_gt_label(k) for k in (2, 0)]),
])
def test_labels_of_a_batch(batch):
    assert read_labels(batch).tolist() == [2, 0]
