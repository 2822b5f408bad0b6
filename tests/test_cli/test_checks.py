"""What is wrong with a config is said before the first iteration."""
import sys

import numpy as np
import pytest
import torch
from mmengine.config import Config
from mmengine.registry import DATASETS
from mmpretrain.datasets import BaseDataset

from mmdeit.cli import check_training, load_config
from mmdeit.cli.checks import check_packages

from .test_config import parse


def install(monkeypatch, **modules):
    """Make modules importable, or not where None."""
    for name, module in modules.items():
        monkeypatch.setitem(sys.modules, name.replace('__', '.'), module)


@pytest.mark.parametrize('scope', ['mmdet', 'mmseg'])
def test_mmcv_lite(scope, monkeypatch, tmp_path):
    install(monkeypatch, **{scope: sys}, mmcv__ops=None)
    (tmp_path / 'a.py').write_text(f"model = {{}}; default_scope = '{scope}'")
    with pytest.raises(ImportError) as error:
        load_config(parse(tmp_path / 'a.py'))
    message = str(error.value)
    assert message.startswith(f"default_scope '{scope}' needs mmcv.ops (")
    assert ('mmcv-lite has none: pip uninstall -y mmcv-lite && MMCV_WITH_OPS=1 '
            'pip install --no-build-isolation mmcv==2.1.0') in message
    assert '\n' not in message


@pytest.mark.parametrize('scope, fix', [
    ('mmdet', "pip install 'mmdet>=3.3.0,<3.4'"),
    ('mmseg', "pip install 'mmsegmentation>=1.2.2,<1.3'"),
])
def test_not_installed(scope, fix, monkeypatch):
    install(monkeypatch, **{scope: None})
    with pytest.raises(ImportError, match=fix):
        check_packages(Config(dict(default_scope=scope)))


def test_installed(monkeypatch):
    install(monkeypatch, mmdet=sys, mmcv__ops=sys)
    check_packages(Config(dict(default_scope='mmdet')))


def test_a_classifier_needs_no_ops(monkeypatch):
    install(monkeypatch, mmdet=None, mmseg=None, mmcv__ops=None)
    check_packages(Config(dict(default_scope='mmpretrain')))
    check_packages(Config(dict()))


def test_fewer_classes_than_the_metric_asks_for(cfg, build_runner):
    cfg.val_evaluator.topk = (1, 5)
    with pytest.raises(ValueError, match=r'no top-5 of 4 .*topk=\(1,\)'):
        check_training(build_runner(cfg))


def test_a_sound_config(cfg, build_runner):
    runner = build_runner(cfg)
    check_training(runner)
    runner.train()
    assert runner.iter == 8


@DATASETS.register_module()
class PipelineDataset(BaseDataset):
    """Eight images in memory, of classes or of several labels."""
    METAINFO = dict(classes=('a', 'b', 'c', 'd'))

    def load_data_list(self):
        return [
            dict(
                img=np.zeros((8, 8, 1), np.uint8),
                gt_label=[0, i % 4] if self.ann_file == 'many' else i % 4)
            for i in range(8)
        ]


def without_teacher(cfg, *pipeline, ann_file=''):
    cfg.default_hooks.pop('teacher')
    cfg.model.head.loss.mode = 'none'
    cfg.train_dataloader.dataset = dict(
        type='PipelineDataset', ann_file=ann_file, pipeline=list(pipeline))


@pytest.mark.parametrize('pack', ['PackInputs', 'mmdeit.PackInputs'])
def test_several_labels_an_image(cfg, build_runner, pack):
    without_teacher(cfg, dict(type=pack), ann_file='many')
    cfg.model.data_preprocessor.type = 'mmdeit.ClsDataPreprocessor'
    with pytest.raises(ValueError, match='an image has (2|several) labels'):
        check_training(build_runner(cfg))


def test_what_is_chosen_to_be_erased_has_to_be_packed(cfg, build_runner):
    erase = dict(type='mmdeit.RandomErasing')
    without_teacher(cfg, erase, dict(type='PackInputs'))
    inner = cfg.train_dataloader.dataset
    cfg.train_dataloader.dataset = dict(
        type='RepeatDataset', times=1, dataset=inner)  # wrapped or not
    with pytest.raises(ValueError, match='RandomErasing only chooses'):
        check_training(build_runner(cfg))
    pipeline = cfg.train_dataloader.dataset.dataset.pipeline
    pipeline[-1].type = 'mmdeit.PackInputs'
    with pytest.raises(ValueError, match='set data_preprocessor.type'):
        check_training(build_runner(cfg))
    cfg.model.data_preprocessor.type = 'mmdeit.ClsDataPreprocessor'
    check_training(build_runner(cfg))
    pipeline.insert(1, dict(type='RandomFlip', prob=0.5))  # not of the box
    with pytest.raises(ValueError, match='RandomErasing only chooses'):
        check_training(build_runner(cfg))


def test_images_of_other_channels_than_the_backbones(cfg, build_runner):
    without_teacher(cfg, dict(type='PackInputs'))
    cfg.model.backbone.in_channels = 3
    runner = build_runner(cfg)
    state = torch.get_rng_state()
    with pytest.raises(ValueError, match='set model.backbone.in_channels=1'):
        check_training(runner)
    assert torch.equal(torch.get_rng_state(), state)
