"""Configs written for release 0.1 train as they are, or say what to write."""
from copy import deepcopy
from pathlib import Path

import numpy as np
import pytest
import torch
from mmengine.registry import DATASETS, MODELS
from mmpretrain.datasets import BaseDataset

from mmdeit.cli import load_config
from mmdeit.models import ClsDataPreprocessor

from .test_cli.test_config import parse

RECIPES = Path(__file__).resolve().parents[1] / 'configs/deit'
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
    assert runner.model.data_preprocessor.batch_augments is not None
    assert 'train/loss_distill' in runner.message_hub.log_scalars


@pytest.mark.parametrize('text, message', [
    # lists of hooks, taken from the recipe or beside its own
    ("_base_ = '{recipe}'\ncustom_hooks = [*_base_.custom_hooks]",
     'are in default_hooks, by these names'),
    ("_base_ = '{recipe}'\ncustom_hooks = [dict(type='mmdeit.TeacherHook', "
     "teacher=dict())]",
     'a second TeacherHook: write it as default_hooks=dict.teacher=dict'),
    ("_base_ = '{recipe}'\ncustom_hooks = [dict(type='EMAHook')]",
     'a second EMAHook: write it as default_hooks=dict.ema=dict._delete_=T'),
    # the number of classes of one part
    ("_base_ = '{recipe}'\nmodel = dict(head=dict(num_classes=3))",
     'sets num_classes of a part: set it at the top level'),
    ("_base_ = '{recipe}'\nnum_classes = 'ten'", "num_classes is 'ten'"),
    ("_base_ = '{recipe}'\nnum_classes = 0", 'num_classes is 0'),
])
def test_what_has_moved_is_one_line(tmp_path, text, message):
    config = tmp_path / 'own.py'
    config.write_text(
        text.format(recipe=RECIPES / 'deit-tiny-distilled.py'))
    with pytest.raises(ValueError, match=message) as error:
        load_config(parse(config))
    assert '\n' not in str(error.value)


@pytest.mark.parametrize('option', [
    'custom_hooks.0.preflight=0', 'model.head.num_classes=3',
    'data_preprocessor.num_classes=3',
    'model.data_preprocessor.num_classes=3'])
def test_options_that_have_moved(option):
    with pytest.raises(ValueError, match='has moved: write'):
        load_config(
            parse(RECIPES / 'deit-tiny-distilled.py', '--cfg-options', option))


def test_a_number_of_classes_for_all_parts(tmp_path):
    """Of a config that inherits one that sets it; published weights stay."""
    (tmp_path / 'one.py').write_text(
        f"_base_ = '{RECIPES / 'deit-tiny-distilled.py'}'\nnum_classes = 4")
    (tmp_path / 'two.py').write_text(
        "_base_ = './one.py'\n# not: --cfg-options num_classes=5\n"
        "work_dir = 'a'")
    for name in ('one', 'two'):
        cfg = load_config(parse(tmp_path / f'{name}.py'))
        assert cfg.model.head.num_classes == 4
        assert cfg.data_preprocessor.num_classes == 4
        assert cfg.val_evaluator.topk == (1, )
        teacher = cfg.default_hooks.teacher.teacher
        assert teacher.model.head.num_classes == 1000  # its checkpoint's


def test_a_list_of_other_hooks_stays(tmp_path):
    (tmp_path / 'own.py').write_text(
        f"_base_ = '{RECIPES / 'deit-tiny-distilled.py'}'\n"
        "custom_hooks = [dict(type='EmptyCacheHook')]\n"
        'default_hooks = dict(teacher=None, timer=None)')
    cfg = load_config(parse(tmp_path / 'own.py'))
    assert len(cfg.custom_hooks) == 1
    assert 'teacher' not in cfg.default_hooks
    assert cfg.default_hooks.timer is None  # mmengine would put its own there
