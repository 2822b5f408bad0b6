"""Mean and standard deviation of every tensor at the start.

Two samples of the same distribution agree within their standard errors: that
of a mean of n draws is s / sqrt(n), that of a standard deviation at most
s / sqrt(2 n) (a normal's; the uniform convolution's is smaller). The official
numbers are over two seeds, so 2 n draws. The tolerance is five standard errors
of the difference: by chance one of the about 200 comparisons fails in 10,000
trials, while the deviation of a head, of 192,000 weights, may be off by 1%
and that of a token, of 192, by 31%.
"""
import math

import pytest
import torch

from .config import CONFIGS, build_model
from .fixture import load
from .student import rename

GOLDEN = load('initialisation')
SEEDS = 2
ERRORS = 5


@pytest.mark.parametrize('name', CONFIGS)
def test_every_tensor(name):
    torch.manual_seed(0)
    model = build_model(name)
    model.init_weights()
    parameters = dict(model.named_parameters())
    assert set(parameters) == {rename(key) for key in GOLDEN[name]}
    for key, (mean, std) in GOLDEN[name].items():
        values = parameters[rename(key)].detach().double()
        n = values.numel()
        error = std * math.sqrt(1 / n + 1 / (SEEDS * n))
        ours = values.mean().item(), values.std(correction=0).item()
        if std == 0:  # constants
            assert ours == (mean, 0), key
        assert ours[0] == pytest.approx(mean, abs=ERRORS * error), key
        assert ours[1] == pytest.approx(
            std, abs=ERRORS * error / math.sqrt(2)), key
