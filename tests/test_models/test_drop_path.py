import numpy as np
import pytest
import torch
from mmcv.cnn.bricks import DropPath as _DropPath
from torch import nn

from mmdeit.models.drop_path import DropPath, replace_drop_paths


def draw(module, x):
    """What a module makes of x, and what is drawn after it."""
    torch.manual_seed(0)
    return module(x), torch.rand(1)


@pytest.mark.parametrize('rate', [0, *np.linspace(0, 0.3, 4)])
def test_the_numbers_of_mmcv(rate):
    x = torch.randn(64, 3, 2)
    for expected, found in zip(
            draw(_DropPath(rate), x), draw(DropPath(rate), x)):
        assert torch.equal(found, expected)


def test_drops_the_same_in_any_dtype():
    x = torch.ones(2048, 1)
    expected, _ = draw(DropPath(0.009), x)
    dropped, _ = draw(DropPath(0.009), x.bfloat16())
    assert dropped.dtype == torch.bfloat16
    assert torch.equal(dropped == 0, expected == 0)


def test_nothing_is_dropped_in_evaluation():
    x = torch.randn(8, 2)
    assert DropPath(0.9).eval()(x) is x


def test_takes_the_place_of_mmcvs():
    network = nn.Sequential(nn.Sequential(_DropPath(np.float64(0.2))),
                            nn.Dropout(0.3))
    replace_drop_paths(network)
    (found, ), other = network
    assert type(found) is DropPath and type(found.drop_prob) is float
    assert found.drop_prob == 0.2 and type(other) is nn.Dropout
