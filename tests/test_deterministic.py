"""What ``randomness.deterministic=True`` asks of a training.

On a CPU: torch's list of what has no deterministic kernel on a GPU stands in
for one.
"""
import os
import re
from unittest import mock

import pytest
import torch
from mmengine.config import Config

from .counting import Counting
from .shrink import shrink
from .test_deit_configs import ROOT, build, imagenet  # noqa: F401

# Of torch.use_deterministic_algorithms; GPUs have no other kernel of these.
UNREPEATABLE = re.compile(
    r'avg_pool3d_backward|adaptive_\w+_backward|max_pool3d\w*_backward|'
    r'fractional_max_pool|max_unpool|upsample_(bi|tri)?(linear|cubic)\w*_back|'
    r'reflection_pad\w*_backward|nll_loss2d|ctc_loss|embedding_bag|^put_$|'
    r'histc|bincount|median|kthvalue|grid_sampler\w*_backward|cumsum|'
    r'scatter_reduce')


@pytest.fixture
def strict():
    """Leave torch and the environment as they were."""
    with mock.patch.dict(os.environ):
        yield
    torch.use_deterministic_algorithms(False)
    torch.backends.cudnn.deterministic = False


@pytest.mark.parametrize('name', [
    'deit/deit-base-distilled', 'deit/deit-base-distilled-384',
    'students/levit-128s-distilled'])
def test_an_iteration(name, imagenet, tmp_path, build, strict):  # noqa: F811
    """Forward, backward, teacher and average."""
    cfg = Config.fromfile(ROOT / f'configs/{name}.py')
    shrink(cfg, tmp_path)
    cfg.train_dataloader.dataset.data_root = str(imagenet)
    cfg.randomness.deterministic = True
    for part in ('cfg', 'dataloader', 'evaluator'):
        cfg[f'val_{part}'] = None
    runner = build(cfg)
    assert torch.are_deterministic_algorithms_enabled()
    assert not torch.backends.cudnn.benchmark
    with Counting() as counting:
        runner.train()
    names = {call.name().split('::')[-1] for call in counting.calls}
    assert 'convolution_backward' in names
    assert not [n for n in names if UNREPEATABLE.search(n)]
