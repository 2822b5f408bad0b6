"""Configs written for release 0.1 train as they are."""
from copy import deepcopy

import numpy as np
import pytest
import torch
from mmengine.registry import DATASETS, MODELS
from mmpretrain.datasets import BaseDataset

from mmdeit.models import ClsDataPreprocessor

UNDISTILLED = dict(
    type='ImageClassifier',
    backbone=dict(
        type='mmdeit.VisionTransformer',
        arch=dict(
            embed_dims=8, num_layers=1, num_heads=2, feedforward_channels=16),
        img_size=8,
        patch_size=4),
    head=dict(type='VisionTransformerClsHead', num_classes=4, in_channels=8))


@DATASETS.register_module()
class OldDataset(BaseDataset):
    """Images in memory, through a pipeline of mmpretrain alone."""

    def load_data_list(self):
        rng = np.random.default_rng(0)
        return [
            dict(
                img=rng.integers(256, size=(8, 8, 3), dtype=np.uint8),
                gt_label=i % 4) for i in range(16)
        ]


@pytest.fixture
def old(cfg, tmp_path):
    """A list of hooks, mmpretrain's preprocessor, erasing before it."""
    hooks = cfg.default_hooks
    cfg.custom_hooks = [
        dict(hooks.pop('teacher'), log_interval=1),
        dict(type='mmdeit.EMAHook', momentum=0.1)
    ]
    cfg.model.backbone.in_channels = 3
    cfg.model.data_preprocessor.update(mean=[128.] * 3, std=[64.] * 3)
    teacher = cfg.custom_hooks[0].teacher
    teacher.model = deepcopy(UNDISTILLED)
    teacher.checkpoint = str(tmp_path / 'old_teacher.pth')
    torch.save(
        MODELS.build(deepcopy(UNDISTILLED)).state_dict(), teacher.checkpoint)
    cfg.train_dataloader.dataset = dict(
        type='OldDataset',
        ann_file='',
        pipeline=[
            dict(
                type='RandomErasing', erase_prob=0.5, mode='rand',
                min_area_ratio=0.1, max_area_ratio=1 / 3,
                fill_color=[128.] * 3, fill_std=[64.] * 3),
            dict(type='PackInputs'),
        ])
    cfg.val_dataloader.dataset = dict(
        type='OldDataset', ann_file='', test_mode=True,
        pipeline=[dict(type='PackInputs')])
    for key in ('test_dataloader', 'test_evaluator', 'test_cfg'):
        cfg.pop(key)
    return cfg


def test_an_image_classifier_with_deits_head(old, build_runner):
    runner = build_runner(old)
    runner.train()
    assert not isinstance(runner.model.data_preprocessor, ClsDataPreprocessor)
    logged = runner.message_hub.log_scalars
    assert {'train/loss_distill', 'train/teacher_agreement'} < {*logged}


def test_a_distilled_classifier(old, build_runner):
    """Its type of preprocessor was none, and is ours now."""
    old.model = dict(
        UNDISTILLED,
        type='mmdeit.DistilledClassifier',
        distillation=dict(mode='soft', alpha=0.1, tau=3.),
        data_preprocessor=old.model.data_preprocessor,
        train_cfg=old.model.train_cfg)
    runner = build_runner(old)
    runner.train()
    assert isinstance(runner.model.data_preprocessor, ClsDataPreprocessor)
    assert runner.model.data_preprocessor.mixing is not None
    assert 'train/loss_distill' in runner.message_hub.log_scalars
