import pytest
import torch
from mmpretrain.evaluation import Accuracy
from mmpretrain.structures import DataSample

from mmdeit.evaluation import HeadsAccuracy


def predictions(n=50, num_classes=10, heads=True):
    torch.manual_seed(0)
    samples = []
    for i in range(n):
        sample = DataSample().set_gt_label(i % num_classes)
        sample.set_pred_score(torch.rand(num_classes).softmax(0))
        if heads:
            sample.class_score = torch.rand(num_classes).softmax(0)
            sample.distill_score = torch.rand(num_classes).softmax(0)
        samples.append(sample)
    return samples


def evaluate(metric, samples, batch_size=7):
    for i in range(0, len(samples), batch_size):
        metric.process(
            {}, [sample.to_dict() for sample in samples[i:i + batch_size]])
    return metric.evaluate(len(samples))


def test_each_head_equals_mmpretrains_accuracy():
    samples = predictions()
    metrics = evaluate(HeadsAccuracy(topk=(1, 5)), samples)
    assert len(metrics) == 6
    for prefix, field in [('', 'pred_score'), ('class_', 'class_score'),
                          ('distill_', 'distill_score')]:
        copies = [
            DataSample().set_gt_label(s.gt_label).set_pred_score(s.get(field))
            for s in samples
        ]
        expected = evaluate(Accuracy(topk=(1, 5)), copies)
        for k in (1, 5):
            assert metrics[f'accuracy/{prefix}top{k}'] == pytest.approx(
                expected[f'accuracy/top{k}'])


def test_model_with_one_head():
    metrics = evaluate(HeadsAccuracy(), predictions(heads=False))
    assert list(metrics) == ['accuracy/top1', 'accuracy/top5']


def test_by_hand():
    sample = DataSample().set_gt_label(2)
    sample.set_pred_score([.1, .6, .3])
    sample.class_score = torch.tensor([.1, .2, .7])
    sample.distill_score = torch.tensor([.5, .4, .1])
    assert evaluate(HeadsAccuracy(topk=(1, 2)), [sample]) == {
        'accuracy/top1': 0,
        'accuracy/top2': 100,
        'accuracy/class_top1': 100,
        'accuracy/class_top2': 100,
        'accuracy/distill_top1': 0,
        'accuracy/distill_top2': 0,
    }


def test_padding_of_the_last_distributed_batch_is_dropped():
    samples = predictions(10)
    metric = HeadsAccuracy()
    metric.process({}, [sample.to_dict() for sample in samples + samples[:2]])
    assert metric.evaluate(10) == evaluate(HeadsAccuracy(), samples)


def test_more_than_there_are_classes():
    with pytest.raises(ValueError, match='top-5 of 3 classes: lower topk'):
        evaluate(HeadsAccuracy(topk=(5, )), predictions(num_classes=3))


def disagreeing(heads):
    """The mean of the logits says 1, the mean of the softmax 0."""
    sample = DataSample().set_gt_label(0)
    class_score = torch.tensor([.90, .098, .002])
    distill_score = torch.tensor([.01, .69, .30])
    joint = ((class_score.log() + distill_score.log()) / 2).softmax(0)
    sample.set_pred_score(joint)
    if heads:
        sample.class_score = class_score
        sample.distill_score = distill_score
    return sample


def test_joint_predictions_of_code_and_paper():
    """Products .0090 .0676 .0006 against sums .91 .788 .302."""
    metric = HeadsAccuracy(topk=(1, ), mean_softmax=True)
    assert evaluate(metric, [disagreeing(heads=True)]) == {
        'accuracy/top1': 0,
        'accuracy/class_top1': 100,
        'accuracy/distill_top1': 0,
        'accuracy/softmax_top1': 100,
    }


@pytest.mark.parametrize('heads, mean_softmax', [(True, False), (False, True),
                                                 (False, False)])
def test_only_where_asked_and_with_two_heads(heads, mean_softmax):
    metric = HeadsAccuracy(topk=(1, ), mean_softmax=mean_softmax)
    metrics = evaluate(metric, [disagreeing(heads)])
    assert 'accuracy/softmax_top1' not in metrics
    assert len(metrics) == (3 if heads else 1)
