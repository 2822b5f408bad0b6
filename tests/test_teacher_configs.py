"""The configs that train a teacher: a step of each, and what it changes."""
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from mmengine.config import Config

from mmdeit.cli import apply_num_classes

from .shrink import IMAGES
from .test_deit_configs import build, imagenet  # noqa: F401  fixtures

ROOT = Path(__file__).resolve().parents[1]
TINY = dict(w0=8, wa=8.0, wm=2.0, group_w=8, depth=6, bot_mul=1.0)


@pytest.fixture
def custom(tmp_path):
    """Six classes of two images in data/custom."""
    rng = np.random.default_rng(0)
    for split in ('train', 'val'):
        for i in range(12):
            path = tmp_path / f'data/custom/{split}/class{i % 6}/{i}.jpg'
            path.parent.mkdir(parents=True, exist_ok=True)
            cv2.imwrite(str(path), rng.integers(0, 255, (50, 60, 3)))
    return tmp_path / 'data/custom'


def load(name):
    cfg = Config.fromfile(ROOT / f'configs/teachers/{name}.py')
    if cfg.num_classes is None:
        cfg.num_classes = 6
        apply_num_classes(cfg)
    if cfg.model.backbone.type == 'mmdeit.RegNetY':
        cfg.model.backbone.arch = TINY
        cfg.model.head.in_channels = 64
    else:
        cfg.model.backbone.update(
            stem_channels=1, base_channels=1, depth=18)
        cfg.model.head.in_channels = 8
    for loader in (cfg.train_dataloader, cfg.val_dataloader):
        loader.update(batch_size=IMAGES, num_workers=0)
        loader.dataset.serialize_data = False  # it collects garbage
    cfg.auto_scale_lr = dict(base_batch_size=IMAGES)
    cfg.train_cfg.update(max_epochs=1, val_interval=1)
    cfg.param_scheduler = None  # longer than an epoch
    cfg.default_hooks.logger.interval = 1
    for key in ('test_dataloader', 'test_evaluator', 'test_cfg'):
        cfg.pop(key)
    return cfg


def check_a_step(runner):
    scalars = runner.message_hub.log_scalars
    assert np.isfinite(scalars['train/loss'].current())
    assert 'val/accuracy/top1' in scalars


@pytest.mark.parametrize('name', ['resnet50_custom', 'regnety-16gf_custom'])
def test_train_on_own_classes(name, custom, build):  # noqa: F811
    runner = build(load(name))
    runner.train()
    assert runner.model.head.num_classes == 6
    assert runner.iter == 3
    check_a_step(runner)


def test_fixres_changes_classifier_and_last_norms_only(
        imagenet, build):  # noqa: F811
    cfg = load('regnety-16gf-384_fixres')
    for loader in (cfg.train_dataloader, cfg.val_dataloader):
        loader.dataset.data_root = str(imagenet)
    runner = build(cfg)
    runner.model.init_weights()  # the Runner would
    before = {
        name: tensor.clone()
        for name, tensor in runner.model.state_dict().items()
    }
    runner.train()
    check_a_step(runner)
    changed = {
        name.rsplit('.', 1)[0]
        for name, tensor in runner.model.state_dict().items()
        if not torch.equal(tensor, before[name])
    }
    assert changed == {
        'head.fc', *(f'backbone.layer4.0.{norm}'
                     for norm in ('bn1', 'bn2', 'bn3', 'downsample.1'))
    }
    sizes = [t.get('scale', t.get('crop_size'))
             for t in cfg.train_dataloader.dataset.pipeline[1:3]]
    assert sizes == [438, 384]


def test_every_teacher_config_is_tested():
    assert {path.stem for path in ROOT.glob('configs/teachers/*.py')} == {
        'resnet50_custom', 'regnety-16gf_custom', 'regnety-16gf-384_fixres',
        'resnet18_cifar10'  # nothing to train
    }
