"""Configs of real size, made small enough for one step on a CPU."""
from copy import deepcopy
from pathlib import Path

import torch
from mmengine.config import Config
from mmengine.registry import MODELS
from torch import nn

WIDTH = 8
IMAGES = 4


def save(cfg: dict, path: Path) -> nn.Module:
    """Save a model with random weights where a config looks for it."""
    torch.manual_seed(0)
    model = MODELS.build(cfg)
    model.init_weights()
    path.parent.mkdir(parents=True, exist_ok=True)
    torch.save(dict(state_dict=model.state_dict()), path)
    return model


def shrink(cfg: Config, root: Path) -> None:
    """Make a DeiT tiny, any student's teacher too, and training one epoch."""
    if 'VisionTransformer' in cfg.model.backbone.type:
        cfg.model.backbone.arch = dict(
            embed_dims=WIDTH,
            num_layers=2,
            num_heads=2,
            feedforward_channels=2 * WIDTH)
        cfg.model.head.in_channels = WIDTH
    hook = cfg.default_hooks.get('teacher')
    if hook:
        hook.preflight = 0
        hook.teacher.checkpoint = str(root / 'teacher.pth')
        hook.teacher.model = dict(
            type='ImageClassifier',
            backbone=dict(
                type='ResNet_CIFAR',
                depth=18,
                stem_channels=1,
                base_channels=1,
                strides=(2, 2, 2, 2),
                out_indices=(3, )),
            neck=dict(type='GlobalAveragePooling'),
            head=dict(
                type='LinearClsHead',
                num_classes=cfg.model.head.num_classes,
                in_channels=8))
        save(deepcopy(hook.teacher.model), root / 'teacher.pth')
    for loader in (cfg.train_dataloader, cfg.val_dataloader):
        loader.update(batch_size=IMAGES, num_workers=0)
        for dataset in loader.dataset.get('datasets', [loader.dataset]):
            dataset.serialize_data = False  # it collects garbage
    cfg.auto_scale_lr = dict(base_batch_size=IMAGES)
    cfg.train_cfg.update(max_epochs=1, val_interval=1)
    if isinstance(cfg.param_scheduler, list):
        cfg.param_scheduler = None  # a warm-up longer than an epoch
    cfg.default_hooks.logger.interval = 1
    # The Runner wants all of them, or none.
    for key in ('test_dataloader', 'test_evaluator', 'test_cfg'):
        cfg.pop(key)
