import numpy as np
import pytest
import torch
from mmpretrain.models import CutMix, Mixup

from mmdeit.models import BatchMixing
from mmdeit.models.batch_mixing import box_mask
from mmdeit.models.distillation_loss import labelled_weight

K = 12
MIXUP, CUTMIX = dict(type='Mixup', alpha=0.8), dict(type='CutMix', alpha=1.)


def make(*augments, **kwargs):
    return BatchMixing(
        list(augments or (MIXUP, CUTMIX)), num_classes=K, **kwargs)


@pytest.mark.parametrize('count, group_size, partners, groups', [
    (4, None, [3, 2, 1, 0], [0, 0, 0, 0]),
    (4, 128, [3, 2, 1, 0], [0, 0, 0, 0]),
    (8, 4, [6, 7, 4, 5, 2, 3, 0, 1], [0, 1] * 4),
    (5, None, [4, 3, 2, 1, 0], [0] * 5),  # the middle one stays unmixed
    (5, 2, [4, 3, 2, 1, 0], [0, 1, 0, 1, 0]),  # groups of 3 and 2
    (1, None, [0], [0]),
])
def test_partners_are_those_of_the_group_flipped(count, group_size, partners,
                                                 groups):
    ours = make(group_size=group_size).partners(count)
    assert [part.tolist() for part in ours] == [partners, groups]


def test_a_group_is_mixed_as_if_it_were_alone():
    """Eight GPUs of 6 images, or one of 48: the same images and targets."""
    generator = torch.Generator().manual_seed(0)
    inputs = torch.randn(48, 3, 16, 12, generator=generator)
    labels = torch.arange(48) % K
    np.random.seed(0)
    together = make(group_size=6)(inputs.clone(), labels)
    np.random.seed(0)
    alone = [make()(inputs[g::8].clone(), labels[g::8]) for g in range(8)]
    for whole, parts in zip(together, zip(*alone)):
        assert torch.equal(whole, torch.stack(parts, dim=1).flatten(0, 1))
    # Each group has its own lambda.
    assert len({tuple(p[0].tolist()) for _, p in alone}) == 8


def test_is_a_weighted_mean_with_the_partner():
    inputs, labels = torch.randn(6, 3, 8, 8), torch.arange(6)
    mixing = make(MIXUP)
    np.random.seed(1)
    lam = mixing.draw((8, 8))[0]
    np.random.seed(1)
    mixed, targets = mixing(inputs.clone(), labels)
    torch.testing.assert_close(mixed, lam * inputs +
                               (1 - lam) * inputs.flip(0))
    one_hot = torch.eye(K)[labels]
    torch.testing.assert_close(targets, lam * one_hot +
                               (1 - lam) * one_hot.flip(0))


def test_an_image_without_a_label_has_no_share():
    inputs, labels = torch.randn(6, 3, 8, 8), torch.arange(6)
    mixing = make(MIXUP)
    np.random.seed(1)
    lam = mixing.draw((8, 8))[0]
    np.random.seed(1)
    expected, _ = mixing(inputs.clone(), labels)
    labels[[0, 1, 4]] = -1  # 0 meets 5, 1 meets 4
    np.random.seed(1)
    mixed, targets = mixing(inputs.clone(), labels)
    assert torch.equal(mixed, expected)
    one_hot = torch.eye(K)
    torch.testing.assert_close(targets, torch.stack([
        (1 - lam) * one_hot[5], 0 * one_hot[0],
        lam * one_hot[2] + (1 - lam) * one_hot[3],
        lam * one_hot[3] + (1 - lam) * one_hot[2], 0 * one_hot[0],
        lam * one_hot[5]]))


def test_labels_of_both_weigh_exactly_1():
    """So that the loss of labelled images is what it is without weights."""
    mixing = make()
    for seed in range(50):
        np.random.seed(seed)
        _, targets = mixing(torch.zeros(8, 1, 4, 4), torch.arange(8))
        assert torch.equal(labelled_weight(targets), torch.ones(8))


def test_without_any_of_both():
    inputs, labels = torch.randn(4, 3, 8, 8), torch.arange(4)
    mixed, targets = make(MIXUP, probs=[0.])(inputs.clone(), labels)
    assert torch.equal(mixed, inputs)
    assert torch.equal(targets, torch.eye(K)[labels])


def test_boxes():
    mask = box_mask(torch.tensor([[0, 1, 2, 3], [0, 0, 0, 0]]), (3, 4))
    row = [0., 1., 1., 0.]
    assert mask[0, 0].tolist() == [row, row, [0.] * 4]
    assert mask.shape == (2, 1, 3, 4) and not mask[1].any()


@pytest.mark.parametrize('augments, num_classes, message', [
    ([MIXUP], None, 'set num_classes of the data_preprocessor'),
    ([dict(type='ResizeMix', alpha=1.)], K, 'not ResizeMix: set data_pre'),
])
def test_what_it_cannot_mix(augments, num_classes, message):
    with pytest.raises(ValueError, match=message):
        BatchMixing(augments, num_classes=num_classes)


def test_subclasses_of_mmpretrain_are_no_mixup():
    class Other(Mixup):
        pass

    with pytest.raises(ValueError, match='not Other'):
        make(Other(1.), CutMix(1.))
