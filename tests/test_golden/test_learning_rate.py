"""The rate of each of 300 epochs, official quirk included."""
import pytest
import torch
from mmengine.config import Config
from mmengine.registry import PARAM_SCHEDULERS

from .config import ROOT
from .fixture import load


def test_every_epoch():
    golden = load('learning_rate')
    cfg = Config.fromfile(
        ROOT / 'configs/_base_/schedules/deit_bs1024_adamw_300e.py')
    optimizer = torch.optim.SGD([torch.zeros(1)],
                                lr=cfg.optim_wrapper.optimizer.lr)
    scheduler = PARAM_SCHEDULERS.build(
        {**cfg.param_scheduler, 'end': cfg.train_cfg.max_epochs},
        default_args=dict(optimizer=optimizer))
    rates = []
    for _ in range(golden['epochs']):
        rates.append(optimizer.param_groups[0]['lr'])
        scheduler.step()
    assert rates == pytest.approx(golden['lr'], rel=1e-12)
