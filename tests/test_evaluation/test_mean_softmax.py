import pytest
import torch
from mmpretrain.structures import DataSample

from mmdeit.evaluation import HeadsAccuracy


def sample(heads):
    """The mean of the logits says 1, the mean of the softmax 0."""
    sample = DataSample().set_gt_label(0)
    class_score = torch.tensor([.90, .098, .002])
    distill_score = torch.tensor([.01, .69, .30])
    joint = ((class_score.log() + distill_score.log()) / 2).softmax(0)
    sample.set_pred_score(joint)
    if heads:
        sample.class_score = class_score
        sample.distill_score = distill_score
    return sample.to_dict()


def evaluate(heads, **kwargs):
    metric = HeadsAccuracy(topk=(1, ), **kwargs)
    metric.process({}, [sample(heads)])
    return metric.evaluate(1)


def test_joint_predictions_of_code_and_paper():
    """Products .0090 .0676 .0006 against sums .91 .788 .302."""
    assert evaluate(heads=True, mean_softmax=True) == {
        'accuracy/top1': 0,
        'accuracy/class_top1': 100,
        'accuracy/distill_top1': 0,
        'accuracy/softmax_top1': 100,
    }


@pytest.mark.parametrize('heads, mean_softmax', [(True, False), (False, True),
                                                 (False, False)])
def test_only_where_asked_and_with_two_heads(heads, mean_softmax):
    metrics = evaluate(heads, mean_softmax=mean_softmax)
    assert 'accuracy/softmax_top1' not in metrics
    assert len(metrics) == (3 if heads else 1)
