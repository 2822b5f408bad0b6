"""Mixup and CutMix: what is drawn, and what images and targets become of it.

The partner is pinned to the official one, the batch flipped; mmpretrain draws
a permutation.
"""
from functools import partial
from math import sqrt

import numpy as np
import pytest
import torch
from mmpretrain.models import CutMix, LabelSmoothLoss, Mixup

from .config import build_model
from .fixture import load, summary
from .rule import images

GOLDEN = load('mixing')
DRAWS = 10_000
randperm, beta = torch.randperm, np.random.beta
close = partial(pytest.approx, rel=0, abs=1e-6)


@pytest.fixture(autouse=True)
def partner_is_the_flip(monkeypatch):
    monkeypatch.setattr(torch, 'randperm',
                        lambda n: torch.arange(n - 1, -1, -1))


@pytest.fixture
def pin_lambda(monkeypatch):
    return lambda lam: monkeypatch.setattr(np.random, 'beta',
                                           lambda *alphas: lam)


def one_hot(case):
    return torch.eye(case['num_classes'])[torch.tensor(case['labels'])]


def smoothed(case, mixed):
    loss = LabelSmoothLoss(
        case['smoothing'], num_classes=case['num_classes'], mode='original')
    return loss.smooth_label(mixed).flatten().tolist()


@pytest.mark.parametrize('case', GOLDEN['mixup'])
def test_mixup(case, pin_lambda):
    """Smoothing the mix equals mixing the smoothed."""
    pin_lambda(case['lam'])
    inputs, mixed = Mixup(alpha=0.8)(images('mixup', len(case['labels']), 6),
                                     one_hot(case))
    assert summary(inputs) == close(case['images'])
    assert smoothed(case, mixed) == close(case['target'])


@pytest.mark.parametrize('case', GOLDEN['cutmix'])
def test_cutmix(case, pin_lambda):
    """The lambda of the target is corrected by the box within the image."""
    pin_lambda(case['lam'])
    mix = CutMix(alpha=1.0)
    np.random.seed(case['seed'])
    box, lam = mix.cutmix_bbox_and_lam(case['shape'], case['lam'])
    assert [int(edge) for edge in box] == case['box']
    assert lam == pytest.approx(case['corrected_lam'], rel=1e-12)

    np.random.seed(case['seed'])
    batch = images('cutmix', len(case['labels']), case['shape'][0])
    inputs, mixed = mix(batch[..., :case['shape'][1]], one_hot(case))
    assert summary(inputs) == close(case['images'])
    assert smoothed(case, mixed) == close(case['target'])


def test_draws(monkeypatch):
    """One of the two for each batch, with a lambda of its own distribution.

    Within five standard errors of two samples, see test_initialisation.
    """
    drawn = []  # alpha and lambda

    def draw(a, b):
        assert a == b
        drawn.append((a, beta(a, b)))
        return drawn[-1][1]

    monkeypatch.setattr(np.random, 'beta', draw)
    mix = build_model('tiny').data_preprocessor.batch_augments
    batch, targets = torch.zeros(2, 1, 64, 64), torch.eye(2)
    np.random.seed(0)
    corrected = np.array(
        [mix(batch, targets)[1][0, 0].item() for _ in range(DRAWS)])
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


@pytest.mark.parametrize('mix', [Mixup(1.), CutMix(1.)])
def test_an_image_may_meet_itself(mix, monkeypatch, pin_lambda):
    """One of a batch on average; none in the official code."""
    monkeypatch.setattr(torch, 'randperm', randperm)
    pin_lambda(0.5)
    torch.manual_seed(0)
    np.random.seed(0)
    batch, targets = torch.zeros(8, 1, 16, 16), torch.eye(8)
    unmixed = [(mix(batch, targets)[1].amax(dim=1) == 1).sum().item()
               for _ in range(2000)]
    assert np.mean(unmixed) == pytest.approx(1, abs=0.1)  # 4 sigma
