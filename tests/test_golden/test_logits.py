"""Every model of the paper, from the official state-dict layout, to 1e-5."""
from functools import partial

import pytest
import torch

from .fixture import load
from .rule import images
from .student import build

SIZES = ['tiny', 'small', 'base', 'base_384']
GOLDEN = load('logits')
close = partial(torch.testing.assert_close, rtol=0, atol=1e-5)


def image(size):
    return images('image', 1, 384 if '384' in size else 224)


def test_all_eight_models_are_there():
    assert set(GOLDEN) == {
        size + kind for size in SIZES for kind in ('', '_distilled')
    }


@pytest.mark.parametrize('size', SIZES)
@torch.no_grad()
def test_plain(size):
    model = build(size).eval()
    close(model(image(size)), torch.tensor([GOLDEN[size]['eval']]))


@pytest.mark.parametrize('size', SIZES)
@torch.no_grad()
def test_distilled(size):
    """Each head as it is trained, and the joint prediction."""
    golden = GOLDEN[f'{size}_distilled']
    model = build(f'{size}_distilled').train()
    cls_score, dist_score = model.head.scores(model.extract_feat(image(size)))
    close(cls_score, torch.tensor([golden['class']]))
    close(dist_score, torch.tensor([golden['distillation']]))
    close(model.eval()(image(size)), torch.tensor([golden['eval']]))
