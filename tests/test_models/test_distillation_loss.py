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


@pytest.mark.parametrize('alpha', [0., 0.3])
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


@pytest.mark.parametrize('mode, tau, reduction, divisor', [
    ('hard', 1., 'numel', None),
    ('soft', 3., 'numel', N * K),
    ('soft', 3., 'batchmean', N),
])
def test_alpha_1_teaches_both_logits_and_reads_no_label(
        batch, mode, tau, reduction, divisor):
    cls_score, dist_score, teacher, _ = batch
    loss = DistillationLoss(mode, 1., tau, reduction)
    parts = loss(cls_score, None, dist_score, teacher)
    sum(parts.values()).backward()
    assert list(parts) == ['loss_distill', 'loss_distill_class']
    for part, score in zip(parts.values(), (dist_score, cls_score)):
        expected, grad = (
            hard_by_hand(score, teacher) if mode == 'hard' else
            soft_by_hand(score, teacher, tau, divisor))
        assert part.item() == pytest.approx(expected, 1e-5)
        torch.testing.assert_close(score.grad, grad, rtol=1e-5, atol=1e-7)


def test_alpha_1_with_one_classifier_is_one_term(batch):
    cls_score, _, teacher, _ = batch
    parts = DistillationLoss(alpha=1.)(cls_score, None, cls_score, teacher)
    assert list(parts) == ['loss_distill']
    assert parts['loss_distill'].item() == pytest.approx(
        hard_by_hand(cls_score, teacher)[0], 1e-5)


@pytest.mark.parametrize('base_loss', [
    dict(type='mmpretrain.LabelSmoothLoss', label_smooth_val=EPS,
         mode='original'),
    dict(type='mmpretrain.CrossEntropyLoss', use_soft=True),
])
def test_a_label_counts_by_its_part_of_the_mix(base_loss):
    """Of two classes, logits 0 and ln 3: probabilities 1/4 and 3/4.

    Labelled as 1; 0.6 of class 0 and 0.4 unlabelled; unlabelled. Both losses
    of class 0 and of class 1 are divided by the three images.
    """
    score = torch.tensor([[0., math.log(3)]] * 3, requires_grad=True)
    target = torch.tensor([[0., 1.], [.6, 0.], [0., 0.]])
    loss = DistillationLoss('hard', 0.25, base_loss=base_loss)
    teacher = torch.tensor([1, 1, 0])
    parts = loss(score, target, score, teacher)
    eps = EPS if 'label_smooth_val' in base_loss else 0.
    nll = [math.log(4), math.log(4 / 3)]
    first, second = (
        (1 - eps) * value + eps * sum(nll) / 2 for value in nll)
    assert parts['loss_cls'].item() == pytest.approx(
        0.75 * (second + 0.6 * first) / 3, 1e-6)
    assert parts['loss_distill'].item() == pytest.approx(
        0.25 * (2 * nll[1] + nll[0]) / 3, 1e-6)
    parts['loss_cls'].backward()
    assert score.grad[:2].abs().min() > 0 and not score.grad[2].any()


@pytest.mark.parametrize('base_loss', [
    dict(), dict(base_loss=dict(type='mmpretrain.CrossEntropyLoss'))])
def test_unmixed_labels_of_which_some_are_missing(batch, base_loss):
    cls_score, dist_score, teacher, _ = batch
    loss = DistillationLoss(**base_loss)
    known = [0, 2, 3]
    labels = torch.tensor([4, -1, 0, 6, -1])
    parts = loss(cls_score, labels, dist_score, teacher)
    alone = loss(cls_score[known], labels[known], dist_score[known],
                 teacher[known])
    torch.testing.assert_close(
        parts['loss_cls'], alone['loss_cls'] * len(known) / N)
    labels[:] = -1
    assert loss(cls_score, labels, dist_score, teacher)['loss_cls'] == 0


def test_passes_of_any_size_have_the_same_mean(batch):
    """As an image counts the same whatever it is trained with."""
    cls_score, dist_score, teacher, mixed = batch
    mixed[1] = 0
    loss = DistillationLoss()
    whole = loss(cls_score, mixed, dist_score, teacher)
    single = [loss(*(part[i:i + 1] for part in
                     (cls_score, mixed, dist_score, teacher)))
              for i in range(N)]
    for name, value in whole.items():
        torch.testing.assert_close(
            value, sum(part[name] for part in single) / N)


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
