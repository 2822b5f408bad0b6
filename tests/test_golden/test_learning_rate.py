"""The rate of each epoch, official quirk included."""
import pytest
import torch
from mmengine.config import Config
from mmengine.registry import PARAM_SCHEDULERS

from .config import ROOT
from .fixture import load

GOLDEN = load('learning_rate')


def rates(path):
    cfg = Config.fromfile(ROOT / 'configs' / path)
    optimizer = torch.optim.SGD([torch.zeros(1)],
                                lr=cfg.optim_wrapper.optimizer.lr)
    scheduler = PARAM_SCHEDULERS.build(
        {**cfg.param_scheduler, 'end': cfg.train_cfg.max_epochs},
        default_args=dict(optimizer=optimizer))
    rates = []
    for _ in range(cfg.train_cfg.max_epochs):
        rates.append(optimizer.param_groups[0]['lr'])
        scheduler.step()
    return rates


def test_every_epoch():
    assert rates('_base_/schedules/deit_bs1024_adamw_300e.py') == (
        pytest.approx(GOLDEN['lr'], rel=1e-12))


def test_of_1000_epochs():
    assert rates('deit/deit-tiny-distilled-1000e.py')[::50] == (
        pytest.approx(GOLDEN['every_50th_of_1000'], rel=1e-12))


def test_fine_tuning():
    """Constant after five epochs of warm-up, which nothing switches off."""
    assert rates('_base_/schedules/deit_bs512_adamw_finetune_30e.py') == (
        pytest.approx(GOLDEN['finetuning_of_30'], rel=1e-12))
