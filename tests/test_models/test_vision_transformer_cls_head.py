import pytest
import torch
from mmpretrain.models.heads import (
    VisionTransformerClsHead as _VisionTransformerClsHead,
)
from mmpretrain.structures import DataSample

from mmdeit.models import VisionTransformerClsHead
from mmdeit.structures import set_teacher_logits

N, C, K = 3, 8, 5


def make_head(mode):
    return VisionTransformerClsHead(
        K, C, loss=dict(type='mmdeit.DistillationLoss', mode=mode))


@pytest.fixture
def feats():
    torch.manual_seed(0)
    return (torch.randn(N, C), )


@pytest.fixture
def samples():
    samples = [DataSample().set_gt_label(i) for i in range(N)]
    set_teacher_logits(samples, torch.eye(K)[[2, 3, 4]])
    return samples


def test_state_dict_is_mmpretrains():
    ours, theirs = make_head('hard'), _VisionTransformerClsHead(K, C)
    theirs.load_state_dict(ours.state_dict(), strict=True)


@pytest.mark.parametrize('mode', ['hard', 'soft'])
def test_one_classifier_meets_labels_and_teacher(feats, samples, mode):
    head = make_head(mode)
    score = head(feats)
    assert head.loss(feats, samples) == head.loss_module(
        score, torch.arange(N), score, torch.eye(K)[[2, 3, 4]])


def test_none(feats, samples):
    head = make_head('none')
    assert list(head.loss(feats, samples)) == ['loss_cls']


def test_loss_that_does_not_distil():
    with pytest.raises(TypeError, match='VisionTransformerClsHead distils'):
        VisionTransformerClsHead(K, C, loss=dict(type='CrossEntropyLoss'))
