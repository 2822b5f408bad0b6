"""Every config of the repository builds; the sizes of the networks."""
import re
from pathlib import Path

import mmengine
import numpy as np
import pytest
import torch
from mmengine.analysis import get_model_complexity_info
from mmengine.config import Config
from mmengine.optim import build_optim_wrapper
from mmengine.registry import DATASETS, HOOKS, MODELS

from mmdeit.cli import apply_num_classes
from mmdeit.loops.batch_plan import plan_batch

ROOT = Path(__file__).resolve().parents[1]
CONFIGS = sorted(
    str(path.relative_to(ROOT)) for path in ROOT.glob('configs/*/*.py')
    # tests/dense builds the last two
    if path.parent.name not in ('_base_', 'studies', 'mmdet', 'mmseg'))
DEIT = [f'configs/deit/deit-{size}{kind}.py'
        for size in ('tiny', 'small', 'base') for kind in ('', '-distilled')]


def build(path, device='meta'):
    """Build a config's model; on meta, a tensor has a shape, but no memory."""
    cfg = Config.fromfile(ROOT / path)
    if cfg.num_classes is None:  # the tools count the folders of the data
        cfg.num_classes = 6
        apply_num_classes(cfg)
    if not cfg.model.backbone.type.startswith('mmdeit.'):
        device = 'cpu'  # mmpretrain's networks read numbers as they are built
    with torch.device(device):
        return cfg, MODELS.build({
            **cfg.model, 'data_preprocessor': cfg.data_preprocessor
        })


def test_the_number_of_classes_is_in_one_place():
    """With the data; a published teacher's is with its checkpoint."""
    folders = {
        str(path.parent.relative_to(ROOT / 'configs'))
        for path in ROOT.glob('configs/**/*.py')
        if re.search(r'num_classes ?= ?\d', path.read_text())}
    # The last two are COCO's and ADE20K's.
    assert folders == {'_base_/datasets', '_base_/teachers', '_base_/models',
                       'mmseg'}


def test_studies_name_configs_that_are_there():
    for path in ROOT.glob('configs/studies/*.py'):
        study = Config.fromfile(path)
        assert f'tools/study.py {path.relative_to(ROOT)}' in path.read_text()
        for method in [study.teacher, *study.methods.values()]:
            assert (ROOT / method.config).exists()


def test_the_demo_holds_training_images_back(fashion_mnist):
    """The test images are what ``test_mode`` gives, whatever the split."""

    def images(options):
        options.update(data_root=str(fashion_mnist), pipeline=[])
        if options.get('indices'):  # of 64 images instead of 60,000
            options.indices = options.indices // 1000
        return [np.array(sample['img']) for sample in DATASETS.build(options)]

    cfg = Config.fromfile(ROOT / 'configs/demo/student.py')
    everything = images({**cfg.train_dataloader.dataset, 'indices': None})
    train, val, test = (images(cfg[f'{split}_dataloader'].dataset)
                        for split in ('train', 'val', 'test'))
    assert (len(everything), len(train), len(val), len(test)) == (64, 50, 10,
                                                                  32)
    assert np.array_equal(train, everything[:50])
    assert np.array_equal(val, everything[-10:])
    held_out = Config.fromfile(ROOT / 'configs/studies/demo_choice.py').held_out
    options = dict(option.split('=') for option in held_out)
    assert options == {
        f'test_dataloader.dataset.{name}': str(value)
        for name, value in dict(split='train', indices=-10000,
                                test_mode=False).items()}


def test_the_list_is_not_empty():
    assert set(DEIT) < set(CONFIGS)


@pytest.mark.parametrize('path', CONFIGS)
def test_builds_and_shows_its_command(path):
    cfg, model = build(path)
    assert cfg.num_classes == model.head.num_classes
    assert cfg.num_classes == cfg.data_preprocessor.num_classes
    assert 'custom_hooks' not in cfg
    for hook in cfg.default_hooks.values():
        if hook.type.startswith('mmdeit.'):
            HOOKS.build(hook)
    text = (ROOT / path).read_text()
    on_one = ('cifar10', 'demo', 'evaluation')
    assert (path if any(x in path for x in on_one) else f'{path} 8') in text


@pytest.mark.parametrize('path', sorted(
    str(path.relative_to(ROOT)) for path in ROOT.glob('configs/*/*.py')
    if path.parent.name != '_base_'))
def test_trains_by_a_loop_of_ours(path):
    """On which the step is the same on eight GPUs, as planned, and on one."""
    cfg = Config.fromfile(ROOT / path)
    if not cfg.get('train_dataloader'):
        return
    assert cfg.train_cfg.type in ('mmdeit.EpochBasedTrainLoop',
                                  'mmdeit.IterBasedTrainLoop')
    batch, scaling = cfg.train_dataloader.batch_size, cfg.get('auto_scale_lr')
    if not scaling:  # those of the demo and cifar10, for one CPU
        assert batch == 128
        return
    group = (cfg.get('data_preprocessor') or {}).get('group_size') or 1
    views = scaling.base_batch_size
    if path == 'configs/deit/deit-tiny-distilled_cifar10.py':
        assert batch == views == 512  # for one GPU
        return
    for gpus in (1, 2, 4, 8):
        plan = plan_batch(batch, gpus, 1, views, min(group, batch))
        assert (plan.pass_size, plan.passes) == (batch, 8 // gpus)


@pytest.mark.parametrize('path, millions', list(zip(
    DEIT, [5.72, 5.91, 22.05, 22.44, 86.57, 87.34])))
def test_parameters(path, millions):
    """Table 5 of the paper has 5, 22 and 86 M (6, 22, 87 distilled)."""
    _, model = build(path)
    params = sum(p.numel() for p in model.parameters()) / 1e6
    assert params == pytest.approx(millions, abs=0.005)


@pytest.mark.parametrize('path', DEIT[:2])
@pytest.mark.parametrize('spare_dist_token', [False, True])
def test_what_decays(path, spare_dist_token):
    """The official code with timm 0.3.2 decays dist_token, current timm not."""
    cfg, model = build(path)
    cfg.optim_wrapper.type = 'OptimWrapper'
    for key in ('dtype', 'loss_scale'):
        cfg.optim_wrapper.pop(key)
    spared = ['backbone.cls_token', 'backbone.pos_embed']
    if spare_dist_token:
        keys = cfg.optim_wrapper.paramwise_cfg.custom_keys
        keys['.dist_token'] = dict(decay_mult=0.0)
        spared.append('backbone.dist_token')
    optimizer = build_optim_wrapper(model, cfg.optim_wrapper)
    decay = {
        id(parameter): group['weight_decay']
        for group in optimizer.param_groups for parameter in group['params']
    }
    for name, parameter in model.named_parameters():
        expected = 0 if parameter.ndim == 1 or name in spared else 0.05
        assert decay[id(parameter)] == expected, name


def metafile():
    path = ROOT / 'configs/deit/metafile.yml'
    return {model['Name']: model for model in mmengine.load(path)['Models']}


def test_metafile_lists_every_model():
    assert {model['Config'] for model in metafile().values()} == {
        path for path in CONFIGS
        if path.startswith('configs/deit/')
        # those of the paper, that is
        and not path.endswith((
            '_cifar10.py', '_custom.py', '_unlabelled.py', '_semi.py',
            'efficientnet.py'))
    }
    index = mmengine.load(ROOT / 'model-index.yml')
    assert index == dict(Import=['configs/deit/metafile.yml'])


@pytest.mark.parametrize('name', [
    'deit-tiny', 'deit-tiny-distilled', 'deit-small', 'deit-base-distilled',
    'deit-base-384'])
def test_complexity(name):
    model = metafile()[name]
    _, network = build(model['Config'], 'cpu')
    network.eval()
    network.forward = lambda x: network.head(network.backbone(x))
    complexity = get_model_complexity_info(
        network, (3, *network.backbone.img_size), show_table=False,
        show_arch=False)
    metadata = model['Metadata']
    assert complexity['flops'] == metadata['FLOPs']
    assert complexity['params'] == metadata['Parameters']


@pytest.mark.parametrize('name', metafile())
def test_same_network_same_complexity(name):
    """Schedule, teacher and loss do not change the network."""
    twin = re.sub('-1000e|-usual-(soft|hard)|_by-deit', '', name)
    assert metafile()[name]['Metadata'] == metafile()[twin]['Metadata']


@pytest.mark.parametrize('name, flops, params', [
    ('deit-tiny', 1.08, 5.72), ('deit-small', 4.24, 22.05),
    ('deit-base', 16.86, 86.57), ('deit-base-384', 49.37, 86.86)])
def test_complexity_is_that_of_mmpretrains_zoo(name, flops, params):
    """It gives the distilled models the figures of their twins."""
    metadata = metafile()[name]['Metadata']
    assert metadata['FLOPs'] / 1e9 == pytest.approx(flops, rel=0.003)
    assert metadata['Parameters'] / 1e6 == pytest.approx(params, abs=0.005)
