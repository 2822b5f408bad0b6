import math

import pytest
import torch

from mmdeit.models import DistillationLoss

N, K, EPS = 5, 7, 0.1


@pytest.fixture
def batch():
    """Class logits, distillation logits, teacher logits, mixed targets."""
    torch.manual_seed(0)
    cls_score, dist_score, teacher = (
        3 * torch.randn(N, K, dtype=torch.double) for _ in range(3))
    one_hot = torch.eye(K, dtype=torch.double)[torch.arange(N)]
    mixed = 0.3 * one_hot + 0.7 * one_hot.flip(0)
    return (cls_score.requires_grad_(), dist_score.requires_grad_(), teacher,
            mixed)


def softmax(row):
    exps = [math.exp(x) for x in row]
    return [x / sum(exps) for x in exps]


def base_by_hand(cls_score, target):
    """Cross entropy with (1 - eps) y + eps / K; and its gradient."""
    loss, grad = 0., torch.zeros(N, K, dtype=torch.double)
    for n in range(N):
        p = softmax(cls_score[n].tolist())
        for k in range(K):
            y = (1 - EPS) * target[n, k].item() + EPS / K
            loss -= y * math.log(p[k]) / N
            grad[n, k] = (p[k] - y) / N
    return loss, grad


def hard_by_hand(dist_score, teacher):
    """Cross entropy with the teacher's best class; and its gradient."""
    loss, grad = 0., torch.zeros(N, K, dtype=torch.double)
    for n in range(N):
        p = softmax(dist_score[n].tolist())
        row = teacher[n].tolist()
        best = row.index(max(row))
        loss -= math.log(p[best]) / N
        for k in range(K):
            grad[n, k] = (p[k] - (k == best)) / N
    return loss, grad


def soft_by_hand(dist_score, teacher, tau, divisor):
    """tau^2 sum q log(q / p) / divisor; and its gradient."""
    loss, grad = 0., torch.zeros(N, K, dtype=torch.double)
    for n in range(N):
        p = softmax([x / tau for x in dist_score[n].tolist()])
        q = softmax([x / tau for x in teacher[n].tolist()])
        for k in range(K):
            loss += tau**2 * q[k] * math.log(q[k] / p[k]) / divisor
            grad[n, k] = tau * (p[k] - q[k]) / divisor
    return loss, grad


@pytest.mark.parametrize('alpha', [0., 0.3, 1.])
@pytest.mark.parametrize('mode, tau, reduction, divisor', [
    ('hard', 1., 'numel', None),
    ('soft', 1., 'numel', N * K),
    ('soft', 3., 'numel', N * K),
    ('soft', 3., 'batchmean', N),
])
def test_equals_the_formula(batch, mode, tau, reduction, divisor, alpha):
    cls_score, dist_score, teacher, mixed = batch
    loss = DistillationLoss(mode, alpha, tau, reduction)
    parts = loss(cls_score, mixed, dist_score, teacher)
    sum(parts.values()).backward()

    base, base_grad = base_by_hand(cls_score, mixed)
    if mode == 'hard':
        distill, distill_grad = hard_by_hand(dist_score, teacher)
    else:
        distill, distill_grad = soft_by_hand(dist_score, teacher, tau, divisor)
    assert list(parts) == ['loss_cls', 'loss_distill']
    assert parts['loss_cls'].item() == pytest.approx((1 - alpha) * base, 1e-5)
    assert parts['loss_distill'].item() == pytest.approx(alpha * distill, 1e-5)
    torch.testing.assert_close(
        cls_score.grad, (1 - alpha) * base_grad, rtol=1e-5, atol=1e-7)
    torch.testing.assert_close(
        dist_score.grad, alpha * distill_grad, rtol=1e-5, atol=1e-7)
    assert teacher.grad is None


def test_none_is_the_base_loss_alone(batch):
    cls_score, _, _, mixed = batch
    parts = DistillationLoss('none', alpha=0.5)(cls_score, mixed)
    parts['loss_cls'].backward()
    loss, grad = base_by_hand(cls_score, mixed)
    assert list(parts) == ['loss_cls']
    assert parts['loss_cls'].item() == pytest.approx(loss, 1e-5)
    torch.testing.assert_close(cls_score.grad, grad, rtol=1e-5, atol=1e-7)


def test_usual_distillation_passes_the_class_logits_twice(batch):
    cls_score, _, teacher, mixed = batch
    parts = DistillationLoss('hard')(cls_score, mixed, cls_score, teacher)
    sum(parts.values()).backward()
    grad = (base_by_hand(cls_score, mixed)[1] +
            hard_by_hand(cls_score, teacher)[1]) / 2
    torch.testing.assert_close(cls_score.grad, grad, rtol=1e-5, atol=1e-7)


def test_labels_are_one_hot_targets(batch):
    cls_score, dist_score, teacher, _ = batch
    labels = torch.arange(N)
    loss = DistillationLoss('soft')
    from_labels = loss(cls_score, labels, dist_score, teacher)
    from_one_hot = loss(cls_score, torch.eye(K)[labels], dist_score, teacher)
    assert from_labels == from_one_hot


@pytest.mark.parametrize('mode', ['hard', 'soft'])
def test_arithmetic_is_fp32(batch, mode):
    cls_score, dist_score, teacher, mixed = (
        x.detach().bfloat16() for x in batch)
    loss = DistillationLoss(mode, tau=3.)
    low = loss(cls_score, mixed, dist_score, teacher)
    full = loss(cls_score.float(), mixed.float(), dist_score.float(),
                teacher.float())
    assert all(part.dtype == torch.float32 for part in low.values())
    assert low == full


@pytest.mark.parametrize('kwargs, message', [
    (dict(mode='medium'), "unknown mode 'medium': choose from"),
    (dict(alpha=1.5), 'alpha is 1.5'),
    (dict(alpha=-0.1), 'alpha is -0.1'),
    (dict(tau=0.), 'tau 0.0'),
    (dict(tau=float('nan')), 'tau nan'),
    (dict(reduction='mean'), "unknown reduction 'mean': choose from"),
])
def test_bad_arguments(kwargs, message):
    with pytest.raises(ValueError, match=message):
        DistillationLoss(**kwargs)


def test_teacher_with_other_classes(batch):
    cls_score, dist_score, teacher, mixed = batch
    with pytest.raises(ValueError, match=r'answers \(5, 6\), .* \(5, 7\): '
                       'give both the same num_classes'):
        DistillationLoss()(cls_score, mixed, dist_score, teacher[:, :6])


def test_a_teacher_of_labels(batch):
    cls_score, dist_score, teacher, mixed = batch
    labels = teacher.argmax(dim=1)
    assert DistillationLoss()(cls_score, mixed, dist_score, labels) == (
        DistillationLoss()(cls_score, mixed, dist_score, teacher))
    with pytest.raises(ValueError, match="labels takes mode='hard'"):
        DistillationLoss('soft')(cls_score, mixed, dist_score, labels)
