import json

import pytest
import torch
from mmengine.evaluator import Evaluator
from mmpretrain.structures import DataSample

from mmdeit.evaluation import ReaLAccuracy

# labels of the first images; the fifty-thousandth has 7
FIRST = [[], [970, 795], [230, 231], [809]]


@pytest.fixture
def label_file(tmp_path):
    """Written as the real one: 50,000 lists, some of them empty."""
    path = tmp_path / 'real.json'
    path.write_text(json.dumps(FIRST + [[]] * 49995 + [[7]]))
    return str(path)


def predict(number, best, second=0, name='val/n01/ILSVRC2012_val_{:08d}.JPEG'):
    scores = torch.zeros(1000)
    scores[best] += .6
    scores[second] += .3
    sample = DataSample(metainfo=dict(img_path=name.format(number)))
    return sample.set_pred_score(scores).set_gt_label(0)


def evaluate(metric, samples, batch_size=2):
    evaluator = Evaluator(metric)
    for i in range(0, len(samples), batch_size):
        evaluator.process(samples[i:i + batch_size])
    return evaluator.evaluate(len(samples))


def test_by_hand(label_file):
    """Any of the labels is right; the first image does not count."""
    samples = [
        predict(50000, 7),
        predict(1, 5),
        predict(3, 5, 231),
        predict(2, 795),
        predict(4, 5, 6),
    ]
    metrics = evaluate(ReaLAccuracy(label_file, topk=(1, 2)), samples)
    assert metrics == {'real/top1': 50, 'real/top2': 75}


def test_each_head_and_both_joint_predictions(label_file):
    sample = predict(4, 5)
    sample.class_score = predict(4, 809).pred_score
    sample.distill_score = predict(4, 6, 809).pred_score
    metric = ReaLAccuracy(label_file, topk=(1, ), mean_softmax=True)
    assert evaluate([metric], [sample]) == {
        'real/top1': 0,
        'real/class_top1': 100,
        'real/distill_top1': 0,
        'real/softmax_top1': 100,  # (.6 + .3) / 2 against (0 + .6) / 2
    }


def test_beside_the_usual_accuracy(label_file):
    metrics = evaluate(
        [dict(type='mmdeit.HeadsAccuracy'),
         dict(type='mmdeit.ReaLAccuracy', label_file=label_file)],
        [predict(2, 970), predict(1, 0)])
    assert metrics['accuracy/top1'] == 50
    assert metrics['real/top1'] == 100


def test_names_with_the_class(label_file):
    sample = predict(4, 809, name='ILSVRC2012_val_{:08d}_n03976657.JPEG')
    assert evaluate(ReaLAccuracy(label_file), [sample])['real/top1'] == 100


@pytest.mark.parametrize('name', [
    'val/n01/{}.JPEG', 'ILSVRC2012_val_00050001.JPEG',
    'ILSVRC2012_val_00000000.JPEG', 'ILSVRC2012_val_000000010.JPEG',
    'ILSVRC2012_val_00000001/{}.JPEG'
])
def test_image_without_a_number(label_file, name):
    with pytest.raises(ValueError) as error:
        evaluate(ReaLAccuracy(label_file), [predict(1, 0, name=name)])
    assert str(error.value).startswith(
        f'{label_file} has no labels for the image {name.format(1)}: name ')
    assert '00000001.JPEG, as ImageNet does' in str(error.value)


def test_image_without_a_path(label_file):
    sample = DataSample().set_gt_label(0).set_pred_score(torch.rand(1000))
    with pytest.raises(ValueError, match='no labels for the image None'):
        evaluate(ReaLAccuracy(label_file), [sample])


def test_no_image_with_a_label(label_file):
    with pytest.raises(ValueError, match='labels none of the images'):
        evaluate(ReaLAccuracy(label_file), [predict(1, 0)])


@pytest.mark.parametrize('content', [
    None,  # no such file
    '[[1], [2',
    '[[1], [2]]',
    '{"ILSVRC2012_val_00000001.JPEG": [1]}',
    json.dumps([[1]] * 49999 + [[1000]]),
    json.dumps([[-1]] + [[1]] * 49999),
    json.dumps([[1]] * 49999 + [3]),
    json.dumps([[1]] * 49999 + [['tench']]),
])
def test_other_label_files(tmp_path, content):
    path = tmp_path / 'real.json'
    if content is not None:
        path.write_text(content)
    with pytest.raises(ValueError, match='download real.json from') as error:
        ReaLAccuracy(str(path))
    assert str(error.value).startswith(f'{path}: expected 50000 lists ')
