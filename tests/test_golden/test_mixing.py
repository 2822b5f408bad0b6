"""Mixup and CutMix: what the images and the targets become.

Given the same lambda. The partner is pinned to the official one, the batch
flipped; mmpretrain draws a permutation.
"""
from functools import partial

import numpy as np
import pytest
import torch
from mmpretrain.models import CutMix, LabelSmoothLoss, Mixup

from .fixture import load, summary
from .rule import images

GOLDEN = load('mixing')
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
