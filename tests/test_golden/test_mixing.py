"""Mixup and CutMix: what is drawn, and what images and targets become of it."""
from functools import partial
from math import sqrt

import numpy as np
import pytest
import torch
from mmpretrain.models import LabelSmoothLoss

from mmdeit.models import BatchMixing

from .config import build_model
from .fixture import load, summary
from .rule import images

GOLDEN = load('mixing')
DRAWS = 10_000
beta = np.random.beta
close = partial(pytest.approx, rel=0, abs=1e-6)


@pytest.fixture
def pin(monkeypatch):
    """Draw this lambda, and nothing but the box."""

    def pin(lam):
        monkeypatch.setattr(np.random, 'beta', lambda *alphas: lam)
        monkeypatch.setattr(np.random, 'choice', lambda *args, **kwargs: 0)

    return pin


def mix(augment, case, inputs):
    mixing = BatchMixing([augment], num_classes=case['num_classes'])
    return mixing(inputs, torch.tensor(case['labels']))


def smoothed(case, mixed):
    loss = LabelSmoothLoss(
        case['smoothing'], num_classes=case['num_classes'], mode='original')
    return loss.smooth_label(mixed).flatten().tolist()


@pytest.mark.parametrize('case', GOLDEN['mixup'])
def test_mixup(case, pin):
    """Smoothing the mix equals mixing the smoothed."""
    pin(case['lam'])
    inputs, mixed = mix(
        dict(type='Mixup', alpha=0.8), case,
        images('mixup', len(case['labels']), 6))
    assert summary(inputs) == close(case['images'])
    assert smoothed(case, mixed) == close(case['target'])


@pytest.mark.parametrize('case', GOLDEN['cutmix'])
def test_cutmix(case, pin):
    """The lambda of the target is corrected by the box within the image."""
    pin(case['lam'])
    augment = dict(type='CutMix', alpha=1.0)
    np.random.seed(case['seed'])
    lam, share, *box = BatchMixing(
        [augment], num_classes=2).draw(case['shape'])
    top, bottom, left, right = case['box']
    assert [int(edge) for edge in box] == [top, left, bottom, right]
    assert lam == pytest.approx(case['corrected_lam'], rel=1e-12)
    assert share == 0

    np.random.seed(case['seed'])
    batch = images('cutmix', len(case['labels']), case['shape'][0])
    inputs, mixed = mix(augment, case, batch[..., :case['shape'][1]])
    assert summary(inputs) == close(case['images'])
    assert smoothed(case, mixed) == close(case['target'])


@pytest.mark.parametrize('by_view', [False, True])
def test_draws(by_view, monkeypatch):
    """One of the two for each group, with a lambda of its own distribution.

    Within five standard errors of two samples, see test_initialisation.
    """
    drawn = []  # alpha and lambda

    def draw(a, b):
        assert a == b
        drawn.append((a, beta(a, b)))
        return drawn[-1][1]

    monkeypatch.setattr(np.random, 'beta', draw)
    mixing = build_model('tiny').data_preprocessor.batch_augments
    mixing.group_size, groups = 2, 500
    batch = torch.zeros(2 * groups, 1, 64, 64)
    labels = torch.arange(2).repeat_interleave(groups)
    np.random.seed(0)
    corrected = np.concatenate([
        mixing(batch, labels, views if by_view else None)[1][:groups, 0]
        for views in torch.tensor(
            [[0, 3, i] for i in range(2 * DRAWS)]).split(2 * groups)])
    alpha, lam = np.array(drawn).T
    golden = GOLDEN['draws']
    assert len(drawn) == DRAWS and set(alpha) == {0.8, 1.0}
    assert np.mean(alpha == 1.0) == pytest.approx(
        golden['cutmix'], abs=5 * 0.5 * sqrt(1 / DRAWS + 1 / golden['draws']))
    for key, values in (('mixup_lam', lam[alpha == 0.8]),
                        ('cutmix_lam', lam[alpha == 1.0]),
                        ('cutmix_corrected_lam', corrected[alpha == 1.0])):
        mean, std = golden[key]['mean'], golden[key]['std']
        error = 5 * std * sqrt(2 / DRAWS + 2 / golden['draws'])
        assert values.mean() == pytest.approx(mean, abs=error), key
        assert values.std() == pytest.approx(std, abs=error / sqrt(2)), key
    assert corrected[alpha == 0.8] == close(lam[alpha == 0.8])


def test_no_image_meets_itself():
    """As in the official code; of mmpretrain's batches one does on average."""
    mixing = build_model('tiny').data_preprocessor.batch_augments
    for count in (2, 128, 1024):
        partner, _ = mixing.partners(count)
        assert (partner != np.arange(count)).all()
        assert (partner[partner] == np.arange(count)).all()
