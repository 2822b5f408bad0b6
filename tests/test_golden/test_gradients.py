"""Loss and every gradient, against the official criterion, to 1e-5.

The losses come through the classifier, as in training; with a distillation
token, or without: the paper's "usual" distillation, whose official numbers
are those of a criterion that is given the only head's logits twice.
"""
from functools import partial

import pytest
import torch

from mmdeit.models import DistillationLoss
from mmdeit.structures import TrainingTargets

from .fixture import load, summary
from .rule import images, teacher_logits
from .student import build, rename

N, K = 4, 5
LABELS = torch.tensor([0, 3, 1, 3])
LAM = 0.3
# As in the paper: alpha 0.5 for hard; alpha 0.1 and tau 3 for soft.
LOSSES = dict(
    none=dict(mode='none'),
    soft_numel=dict(mode='soft', alpha=0.1, tau=3.0, reduction='numel'),
    soft_batch=dict(mode='soft', alpha=0.1, tau=3.0, reduction='batchmean'),
    hard=dict(mode='hard', alpha=0.5))
LABEL_SMOOTHING = dict(
    type='LabelSmoothLoss', label_smooth_val=0.1, mode='original')
close = partial(pytest.approx, rel=0, abs=1e-5)


@pytest.fixture
def inputs():
    return images('images', N, 8)


@pytest.fixture
def target():
    """Mixed with the batch flipped; the base loss smooths it."""
    one_hot = torch.eye(K)[LABELS]
    return LAM * one_hot + (1 - LAM) * one_hot.flip(0)


@pytest.fixture
def samples(target):
    samples = TrainingTargets(LABELS, target)
    samples.teacher_answer = teacher_logits('teacher', N, K)
    return samples


def compare(model, parts, golden):
    """Compare the parts of the loss, and the gradients of their sum."""
    parts = {name: part for name, part in parts.items() if 'loss' in name}
    assert {*parts, 'gradients'} == set(golden)
    sum(parts.values()).backward()
    parameters = dict(model.named_parameters())
    assert len(parameters) == len(golden['gradients'])
    for name, part in parts.items():
        assert part.item() == close(golden[name]), name
    for key, expected in golden['gradients'].items():
        grad = parameters[rename(key)].grad
        if expected is None:
            assert grad is None, key
        else:
            assert summary(grad) == close(expected), key


@pytest.mark.parametrize('name', ['soft_numel', 'soft_batch', 'hard'])
def test_token(inputs, samples, name):
    model = build(
        'toy_distilled',
        loss=dict(type='mmdeit.DistillationLoss', **LOSSES[name])).train()
    compare(model, model(inputs, samples, mode='loss'),
            load('gradients_token')[name])


def test_none_of_two_heads(inputs, target):
    """The official criterion trains the class head alone.

    (``DeiTClsHead`` with ``mode='none'`` trains the joint prediction instead,
    as timm does, so it has no official number.)
    """
    model = build('toy_distilled').train()
    cls_score, _ = model.head.scores(model.extract_feat(inputs))
    compare(model, DistillationLoss('none')(cls_score, target),
            load('gradients_token')['none'])


@pytest.mark.parametrize('name', LOSSES)
def test_usual(inputs, samples, name):
    model = build('toy', LOSSES[name], loss=LABEL_SMOOTHING).train()
    compare(model, model(inputs, samples, mode='loss'),
            load('gradients_usual')[name])


def test_the_undistilled_twin(inputs, samples):
    """As ``configs/deit/deit-tiny.py`` trains."""
    model = build('toy', loss=LABEL_SMOOTHING).train()
    loss, = model(inputs, samples, mode='loss').values()
    compare(model, dict(loss_cls=loss), load('gradients_usual')['none'])
