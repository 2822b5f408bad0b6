"""Lengths and intervals are checked, and the validation is tried."""
import random

import pytest
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


@pytest.mark.parametrize('option, value, message', [
    ('train_cfg.max_epochs', 0, 'train_cfg.max_epochs is 0: give a number'),
    ('train_cfg.max_epochs', 'ten', "is 'ten': give a number from 1"),
    ('train_cfg.val_interval', 0, 'val_interval is 0'),
    ('default_hooks.checkpoint.interval', 0, 'checkpoint.interval is 0'),
    ('default_hooks.checkpoint.max_keep_ckpts', 0, 'max_keep_ckpts is 0'),
    ('default_hooks.logger.interval', -1, 'logger.interval is -1'),
    ('optim_wrapper.optimizer.type', 'AdamV', "'AdamV': did you mean 'Adam"),
    ('optim_wrapper.optimizer.lr', 'high', "lr is 'high': give a number"),
    ('optim_wrapper.optimizer.lr', -1., 'lr is -1.0: give a number'),
])
def test_bad_schedules(option, value, message):
    cfg = Config(GOOD)
    cfg.merge_from_dict({option: value})
    with pytest.raises(ValueError, match=message):
        check_schedule(cfg)


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


def test_save_best(cfg, build_runner):
    cfg.default_hooks.checkpoint.save_best = 'accuracy/top7'
    with pytest.raises(ValueError, match="'accuracy/top7' is no result of "
                       "val_evaluator: did you mean 'accuracy/top"):
        check_validation(build_runner(cfg))


def test_nothing_to_try(cfg, build_runner):
    cfg.val_cfg = cfg.val_dataloader = cfg.val_evaluator = None
    check_validation(build_runner(cfg))
