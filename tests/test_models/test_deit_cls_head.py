import pytest
import torch
from mmpretrain.models.heads import DeiTClsHead as _DeiTClsHead

from mmdeit.models import DeiTClsHead
from mmdeit.structures import TrainingTargets

N, C, K = 3, 8, 5


def make_head(mode='hard', **kwargs):
    return DeiTClsHead(
        K, C, loss=dict(type='mmdeit.DistillationLoss', mode=mode, **kwargs))


@pytest.fixture
def feats():
    torch.manual_seed(0)
    return ((torch.randn(N, C), torch.randn(N, C)), )


@pytest.fixture
def targets():
    targets = TrainingTargets(torch.arange(N))
    targets.teacher_answer = torch.eye(K)[[2, 3, 4]]
    return targets


def test_state_dict_is_mmpretrains():
    ours, theirs = make_head(), _DeiTClsHead(K, C)
    theirs.load_state_dict(ours.state_dict(), strict=True)
    ours.load_state_dict(theirs.state_dict(), strict=True)


def test_starts_from_a_truncated_normal():
    head = DeiTClsHead(1000, 256)
    head.init_weights()
    for layer in (head.layers.head, head.layers.head_dist):
        assert layer.weight.std().item() == pytest.approx(0.02, rel=0.02)
        assert layer.bias.abs().max() == 0


def test_scores_and_joint_prediction(feats, targets):
    head = make_head()
    (cls_token, dist_token), = feats
    cls_score = cls_token @ head.layers.head.weight.T + head.layers.head.bias
    dist_score = (
        dist_token @ head.layers.head_dist.weight.T +
        head.layers.head_dist.bias)
    for score, expected in zip(head.scores(feats), (cls_score, dist_score)):
        torch.testing.assert_close(score, expected)
    joint = (cls_score + dist_score) / 2
    torch.testing.assert_close(head(feats), joint)

    for n, sample in enumerate(head.predict(feats)):
        torch.testing.assert_close(sample.pred_score, joint[n].softmax(0))
        assert sample.pred_label.item() == joint[n].argmax().item()
        torch.testing.assert_close(sample.class_score, cls_score[n].softmax(0))
        torch.testing.assert_close(sample.distill_score,
                                   dist_score[n].softmax(0))


@pytest.mark.parametrize('mode', ['hard', 'soft'])
def test_loss_meets_each_head_with_its_own_target(feats, targets, mode):
    head = make_head(mode, alpha=0.3)
    losses = head.loss(feats, targets)
    expected = head.loss_module(
        head.scores(feats)[0], torch.arange(N),
        head.scores(feats)[1],
        torch.eye(K)[[2, 3, 4]])
    assert losses == dict(expected, teacher_agreement=0.)


def test_mixed_targets_are_used(feats, targets):
    head = make_head()
    hard = head.loss(feats, targets)['loss_cls']
    targets.mixed = torch.full((N, K), 1 / K)
    assert head.loss(feats, targets)['loss_cls'] != hard


def test_none_trains_the_joint_prediction(feats, targets):
    head = make_head('none')
    losses = head.loss(feats, targets)
    assert losses == head.loss_module(head(feats), torch.arange(N))
    losses['loss_cls'].backward()
    assert all(p.grad is not None for p in head.parameters())


def test_no_teacher_logits(feats):
    targets = TrainingTargets(torch.arange(N))
    with pytest.raises(ValueError, match='mmdeit.TeacherHook'):
        make_head().loss(feats, targets)


def test_joint_prediction_is_in_fp32():
    """Under autocast the heads' logits are in bfloat16, their mean is not."""
    feats = ((torch.randn(N, C), torch.randn(N, C)), )
    head = make_head('none')
    with torch.autocast('cpu', torch.bfloat16):
        cls_score, dist_score = head.scores(feats)
        joint = head(feats)
    assert cls_score.dtype == torch.bfloat16
    assert torch.equal(joint, (cls_score.float() + dist_score.float()) / 2)


def test_loss_that_does_not_distil():
    with pytest.raises(TypeError, match='mmdeit.DistillationLoss'):
        DeiTClsHead(K, C, loss=dict(type='CrossEntropyLoss'))
