"""The recipes of the other students are those of their sources."""
from argparse import ArgumentParser
from pathlib import Path

import pytest
from mmengine.config import Config
from mmengine.optim import build_optim_wrapper
from mmengine.registry import MODELS

from mmdeit.cli import add_common_arguments, load_config
from mmdeit.models.distillation import classifiers

ROOT = Path(__file__).resolve().parents[1]
STUDENTS = [
    'efficientformer-l1-distilled', 'levit-128s-distilled',
    'resnet50-usual-soft', 'swin-tiny-usual-hard'
]


def load(name):
    return Config.fromfile(ROOT / f'configs/students/{name}.py')


def build(cfg):
    return MODELS.build({
        **cfg.model, 'data_preprocessor': cfg.data_preprocessor
    })


def test_the_students_are_all_there():
    names = sorted(p.stem for p in ROOT.glob('configs/students/*.py'))
    assert names == STUDENTS


@pytest.mark.parametrize('name, millions', list(zip(
    STUDENTS, [12.29, 7.78, 25.56, 28.29])))
def test_network_and_teacher(name, millions):
    """The first two as in their READMEs, with both classifiers."""
    cfg = load(name)
    model = build(cfg)
    params = sum(p.numel() for p in model.parameters()) / 1e6
    assert params == pytest.approx(millions, abs=0.005)
    assert bool(classifiers(model.head)) == ('distilled' in name)
    assert model.head.loss_module.needs_teacher
    hook = cfg.default_hooks.teacher
    assert hook.type == 'mmdeit.TeacherHook'
    assert hook.teacher.model.backbone.arch == 'regnety_16gf'


@pytest.mark.parametrize('name, epochs, batch_size, lr, decay, warmup', [
    ('efficientformer-l1-distilled', 300, 1024, 2e-3, 0.025, 5),
    ('levit-128s-distilled', 1000, 2048, 2e-3, 0.025, 5),
    ('swin-tiny-usual-hard', 300, 1024, 1e-3, 0.05, 20)])
def test_recipe(name, epochs, batch_size, lr, decay, warmup):
    cfg = load(name)
    assert cfg.train_cfg.max_epochs == epochs
    assert cfg.train_dataloader.batch_size * 8 == batch_size
    assert cfg.auto_scale_lr.base_batch_size == batch_size
    assert cfg.optim_wrapper.optimizer == dict(
        type='AdamW', lr=lr, weight_decay=decay, eps=1e-8,
        betas=(0.9, 0.999))
    assert cfg.param_scheduler.warmup == warmup
    assert cfg.model.distillation == dict(mode='hard', alpha=0.5)
    repeats = cfg.train_dataloader.sampler.get('num_repeats', 1)
    assert repeats == (3 if 'distilled' in name else 1)


@pytest.mark.parametrize('name, spared', [
    ('efficientformer-l1-distilled', None),
    ('levit-128s-distilled', 'attention_biases'),
    ('swin-tiny-usual-hard', 'relative_position_bias_table')])
def test_what_decays(name, spared):
    cfg = load(name)
    model = build(cfg)
    cfg.optim_wrapper.type = 'OptimWrapper'
    for key in ('dtype', 'loss_scale'):
        cfg.optim_wrapper.pop(key)
    optimizer = build_optim_wrapper(model, cfg.optim_wrapper)
    decay = {
        id(parameter): group['weight_decay']
        for group in optimizer.param_groups for parameter in group['params']
    }
    for key, parameter in model.named_parameters():
        free = parameter.ndim == 1 or key.split('.')[-1] == spared
        assert (decay[id(parameter)] == 0) == free, key


@pytest.mark.parametrize('name', ['resnet50-usual-soft',
                                  'swin-tiny-usual-hard'])
def test_without_a_teacher(name):
    """By the options that the config names."""
    path = ROOT / f'configs/students/{name}.py'
    options = path.read_text().split('--cfg-options ')[1].split('\n')[0]
    parser = ArgumentParser()
    parser.add_argument('config')
    add_common_arguments(parser)
    cfg = load_config(
        parser.parse_args([str(path), '--cfg-options', *options.split()]))
    assert 'teacher' not in cfg.default_hooks
    assert not build(cfg).head.loss_module.needs_teacher
