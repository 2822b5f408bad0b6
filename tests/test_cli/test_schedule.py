"""Lengths and intervals are checked, and the validation is tried."""
import random
from unittest import mock

import torch
from mmengine.config import Config
from mmengine.evaluator import BaseMetric
from mmengine.registry import METRICS

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
    check_schedule(Config(dict(
        train_cfg=dict(val_begin=0),
        optim_wrapper=dict(optimizer=dict(type='AdamW', lr=None)))))


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


@METRICS.register_module()
class PickyMetric(BaseMetric):
    """Fails on less than all images, as on those of one class."""

    def process(self, data_batch, data_samples):
        self.results += data_samples

    def compute_metrics(self, results):
        assert len(results) == 16, 'only one class'
        return dict(score=1.)


def test_a_metric_that_needs_all_images(cfg, build_runner):
    cfg.val_evaluator = dict(type='PickyMetric')
    cfg.default_hooks.checkpoint.update(save_best='score', rule='greater')
    runner = build_runner(cfg)
    with mock.patch.object(runner.logger, 'warning') as warning:
        check_validation(runner)
    assert warning.call_args.args[0].startswith(
        'PickyMetric fails on 2 images (only one class')
    runner.train()


def test_nothing_to_try(cfg, build_runner):
    cfg.default_hooks.checkpoint.save_best = 'accuracy/top1'
    cfg.val_evaluator = []
    check_validation(build_runner(cfg))
    cfg.val_cfg = cfg.val_dataloader = cfg.val_evaluator = None
    check_validation(build_runner(cfg))
