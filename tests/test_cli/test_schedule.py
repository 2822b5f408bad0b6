"""Lengths and intervals are checked, and the validation is tried."""
import random

import torch
from mmengine.config import Config

from mmdeit.cli import check_schedule, check_validation

GOOD = dict(
    train_cfg=dict(max_epochs=3, val_interval=9),
    optim_wrapper=dict(optimizer=dict(type='AdamW', lr=1e-3)),
    default_hooks=dict(
        checkpoint=dict(interval=-1, max_keep_ckpts=-1),
        logger=dict(interval=1),
        ema=None))


def test_good_schedules():
    check_schedule(Config(GOOD))
    check_schedule(Config(dict(train_cfg=None)))


def test_the_validation_is_tried_and_leaves_no_trace(cfg, build_runner):
    cfg.default_hooks.checkpoint.save_best = 'accuracy/top1'
    runner = build_runner(cfg)
    state = torch.get_rng_state(), random.getstate()
    check_validation(runner)
    assert torch.equal(torch.get_rng_state(), state[0])
    assert random.getstate() == state[1]
    assert runner.model.training
    assert not runner.val_evaluator.metrics[0].results
    runner.train()


def test_nothing_to_try(cfg, build_runner):
    cfg.val_cfg = cfg.val_dataloader = cfg.val_evaluator = None
    check_validation(build_runner(cfg))
