"""What fits is loaded; the rest is one line that names file and fix."""
import math
from copy import deepcopy
from pathlib import Path

import pytest
import torch
from mmengine.registry import MODELS
from mmpretrain.models.utils import resize_pos_embed
from torch import nn

from mmdeit.checkpoints import (
    convert,
    force_weights_only,
    match_checkpoint,
)
from mmdeit.hooks import EMAHook

from ..conftest import STUDENT, TEACHER

HEADS = [f'head.layers.{head}.{part}' for head in ('head', 'head_dist')
         for part in ('weight', 'bias')]


def build(distilled=True, num_classes=4, arch=None, **backbone):
    cfg = deepcopy(STUDENT)
    cfg['backbone'].update(backbone)
    cfg['backbone']['arch'].update(arch or {})
    cfg['head'].update(
        num_classes=num_classes,
        in_channels=cfg['backbone']['arch']['embed_dims'])
    if not distilled:
        cfg['backbone']['type'] = 'mmdeit.VisionTransformer'
        cfg['head'].update(
            type='VisionTransformerClsHead', loss=dict(type='CrossEntropyLoss'))
    cfg['data_preprocessor']['num_classes'] = num_classes
    model = MODELS.build(cfg)
    model.init_weights()
    return model


def save(path, model, **others):
    torch.save(dict(state_dict=model.state_dict(), **others), path)
    return str(path)


@pytest.fixture
def start(cfg, build_runner, tmp_path, capfd):
    """Train from a model; return the Runner and what the log warned of."""

    def start(model, **others):
        cfg.load_from = save(tmp_path / 'start.pth', model, **others)
        cfg.train_cfg.max_epochs = 1
        cfg.val_cfg = cfg.val_dataloader = cfg.val_evaluator = None
        cfg.optim_wrapper.optimizer.lr = 0.
        cfg.model.head.loss.mode = 'none'
        del cfg.default_hooks.teacher
        capfd.readouterr()
        runner = build_runner(cfg)
        runner.train()
        return runner, ''.join(capfd.readouterr())

    return start


def test_what_fits_is_loaded_without_a_word(start):
    model = build()
    runner, log = start(model)
    assert 'start.pth:' not in log
    for name, tensor in runner.model.state_dict().items():
        assert torch.equal(tensor, model.state_dict()[name]), name


@pytest.mark.parametrize('average', [False, True])
def test_other_classes_are_one_warning(cfg, start, average):
    others = {}
    if average:  # it would not fit either
        cfg.default_hooks.ema = dict(
            type='mmdeit.EMAHook', evaluate_on_ema=False,
            evaluate_on_origin=True)
        others['ema_state_dict'] = {
            f'module.{name}': tensor
            for name, tensor in build(num_classes=7).state_dict().items()}
    model = build(num_classes=7)
    runner, log = start(model, **others)
    warning, = [line for line in log.splitlines() if 'start.pth:' in line]
    assert warning.endswith(f'start.pth: left out {", ".join(HEADS)}: for 7 '
                            'classes, the model has 4')
    assert 'size mismatch' not in log and 'missing keys' not in log
    for name, tensor in runner.model.backbone.state_dict().items():
        assert torch.equal(tensor, model.backbone.state_dict()[name]), name
    assert runner.model.head.layers.head.weight.std() > 0
    if average:
        hook, = [h for h in runner.hooks if isinstance(h, EMAHook)]
        for name, tensor in hook.ema_model.module.state_dict().items():
            assert torch.equal(tensor, runner.model.state_dict()[name]), name


def test_the_undistilled_twin_starts_the_distilled(cfg, start):
    cfg.log_level = 'INFO'
    model = build(distilled=False)
    runner, log = start(model)
    warning, = [line for line in log.splitlines() if 'start.pth:' in line]
    assert warning.endswith(f'start.pth: no {", ".join(HEADS[2:])} in it: they '
                            'stay as initialised')
    assert log.count("start as copies of the class token's") == 1
    assert 'missing keys' not in log
    backbone = runner.model.backbone
    assert torch.equal(backbone.dist_token, model.backbone.cls_token)
    assert torch.equal(runner.model.head.layers.head.weight,
                       model.head.layers.head.weight)


def other_names(model, fmt):
    return convert(model.state_dict(), 'mmdeit', fmt)


@pytest.mark.parametrize('make, found', [
    (lambda m: dict(model=other_names(m, 'timm')), 'timm'),
    (lambda m: other_names(m, 'timm'), 'timm'),
    (lambda m: other_names(m, 'huggingface'), 'huggingface'),
])
@pytest.mark.parametrize('training', [True, False])
def test_another_layout(cfg, build_runner, tmp_path, make, found, training):
    cfg.load_from = str(tmp_path / 'other.pth')
    torch.save(make(build()), cfg.load_from)
    runner = build_runner(cfg)
    with pytest.raises(ValueError, match='other.pth: it has the names of '
                       f'{found}, expected mmdeit: convert it by python tools/'
                       'model_converters/convert_deit.py SRC DST') as error:
        runner.train() if training else runner.test()
    assert '\n' not in str(error.value)


@pytest.mark.parametrize('weights', [
    {},
    dict(epoch=1, optimizer={}),
    MODELS.build(TEACHER['head'] | dict(type='mmpretrain.LinearClsHead'))
    .state_dict(),
    dict(cls_token=torch.zeros(1, 1, 8)),
])
def test_no_checkpoint_of_a_deit(weights):
    with pytest.raises(ValueError, match='fit no model with backbone'):
        match_checkpoint(dict(state_dict=weights), build(), start=True)


@pytest.mark.parametrize('start', [True, False])
@pytest.mark.parametrize('other, problem', [
    (dict(arch=dict(embed_dims=16)),
     r'backbone.cls_token has shape \(1, 1, 16\), expected \(1, 1, 8\)'),
    (dict(patch_size=2), r'backbone.patch_embed.projection.weight has shape '
     r'\(8, 1, 2, 2\), expected \(8, 1, 4, 4\)'),
    (dict(arch=dict(num_layers=3)),
     r'the model has no backbone.layers.2.ln1.weight, .* and 9 more'),
    (dict(arch=dict(num_layers=1)),
     r'it has no backbone.layers.1.ln1.weight, .* and 9 more'),
])
def test_another_size(other, problem, start):
    checkpoint = dict(state_dict=build(**other).state_dict())
    with pytest.raises(ValueError, match=problem + ': give a checkpoint of '
                       'this size, or correct type, arch') as error:
        match_checkpoint(checkpoint, build(), start)
    assert '\n' not in str(error.value)


def test_a_distilled_backbone_in_the_twin():
    checkpoint = dict(state_dict=build().state_dict())
    with pytest.raises(ValueError, match='the model has no '
                       'backbone.dist_token: .* correct type'):
        match_checkpoint(checkpoint, build(distilled=False), start=True)


@pytest.mark.parametrize('other, message', [
    (dict(num_classes=7), 'head.layers.head.weight is for 7 classes, expected '
     '4: correct num_classes'),
    (dict(distilled=False), 'it has no head.layers.head_dist.weight, '
     'head.layers.head_dist.bias: give a checkpoint of the whole model; this '
     'one may start a training by load_from$'),
])
@pytest.mark.parametrize('resume', [True, False])
def test_testing_and_resuming_take_all_of_it(cfg, build_runner, tmp_path,
                                             other, message, resume):
    cfg.load_from = save(tmp_path / 'tested.pth', build(**other))
    cfg.resume = resume
    runner = build_runner(cfg)
    with pytest.raises(ValueError, match=f'tested.pth: {message}') as error:
        runner.train() if resume else runner.test()
    assert '\n' not in str(error.value)


def test_the_resumed_file_is_named(cfg, build_runner, tmp_path):
    path = tmp_path / 'work/epoch_1.pth'
    path.parent.mkdir()
    save(path, build(num_classes=7))
    (path.parent / 'last_checkpoint').write_text(str(path))
    cfg.resume = True
    runner = build_runner(cfg)
    with pytest.raises(ValueError, match='the latest checkpoint in .*work: '
                       'head.layers.head.weight is for 7 classes'):
        runner.train()


@pytest.mark.parametrize('wrap', [
    dict,
    lambda weights: dict(model=weights),
    lambda weights: dict(state_dict={
        f'module.{name}': tensor for name, tensor in weights.items()}),
])
def test_another_grid_in_each_kind_of_file(wrap):
    model, other = build(), build(img_size=16)
    checkpoint = wrap(other.state_dict())
    assert match_checkpoint(checkpoint, model, start=False) == ''
    model.load_state_dict(checkpoint['state_dict'])
    assert torch.equal(model.backbone.cls_token, other.backbone.cls_token)


def test_names_that_the_model_itself_renames():
    """The official teacher, to be fine-tuned."""
    model = MODELS.build(
        dict(
            type='ImageClassifier',
            backbone=dict(
                type='mmdeit.RegNetY',
                arch=dict(w0=8, wa=8., wm=2., group_w=8, depth=6, bot_mul=1)),
            head=dict(type='LinearClsHead', num_classes=4, in_channels=64)))
    checkpoint = dict(model={
        name.replace('backbone.conv1', 'stem.conv').replace(
            'backbone.bn1', 'stem.bn'): tensor
        for name, tensor in model.state_dict().items()})
    assert match_checkpoint(checkpoint, model, start=True) == ''
    assert checkpoint['state_dict'].keys() == model.state_dict().keys()


def test_a_swin_of_another_window():
    """The model interpolates these tables too."""
    def swin(window_size):
        return MODELS.build(
            dict(
                type='ImageClassifier',
                backbone=dict(
                    type='SwinTransformer',
                    arch=dict(
                        embed_dims=8, depths=[1] * 4, num_heads=[2] * 4),
                    window_size=window_size,
                    img_size=64),
                head=dict(
                    type='LinearClsHead', num_classes=4, in_channels=64)))

    checkpoint = dict(state_dict=swin(2).state_dict())
    assert match_checkpoint(checkpoint, swin(4), start=True) == ''


def test_what_the_model_lacks_is_left_out():
    weights = build().state_dict()
    weights['neck.weight'] = torch.zeros(1)
    checkpoint = dict(state_dict=weights)
    note = match_checkpoint(checkpoint, build(), start=True)
    assert note == 'left out neck.weight: not in the model'
    assert 'neck.weight' not in checkpoint['state_dict']


def test_other_classes_of_a_segmentor():
    """Its classifier is no 'head.'."""

    def segmentor(classes):
        return nn.ModuleDict(
            dict(
                backbone=nn.Linear(2, 2), decode_head=nn.Linear(2, classes)))

    checkpoint = dict(state_dict=segmentor(5).state_dict())
    assert match_checkpoint(checkpoint, segmentor(3), start=True) == (
        'left out decode_head.weight, decode_head.bias: for 5 classes, the '
        'model has 3')


@pytest.mark.parametrize('prefix', ['', 'backbone.'])
def test_a_backbone_alone_starts_a_training(prefix):
    model = build()
    alone = {f'{prefix}{name}': tensor
             for name, tensor in model.backbone.state_dict().items()}
    checkpoint = dict(state_dict=dict(alone))
    assert match_checkpoint(checkpoint, build(), start=True) == (
        f'no {", ".join(HEADS)} in it: they stay as initialised')
    build().load_state_dict(checkpoint['state_dict'], strict=True)
    with pytest.raises(ValueError, match='it has no head.layers.head.weight, '
                       '.* give a checkpoint of the whole model; this one'):
        match_checkpoint(dict(state_dict=alone), build(), start=False)


def test_resuming_takes_a_training(cfg, build_runner, tmp_path):
    cfg.load_from = save(tmp_path / 'a.pth', build())
    cfg.resume = True
    with pytest.raises(ValueError, match=r'a.pth holds no training to resume '
                       r'\(it has no meta\): start from it by load_from=FILE'):
        build_runner(cfg).train()


@pytest.mark.parametrize('resume', [True, False])
def test_nothing_that_is_loaded_is_not_finite(cfg, build_runner, trained,
                                              resume):
    cfg.default_hooks.ema = dict(type='mmdeit.EMAHook')
    cfg.load_from = str(trained)
    cfg.resume = resume
    force_weights_only()
    whole = torch.load(trained, weights_only=True)
    for entry, name, part in (
        ('state_dict', 'backbone.cls_token', whole['state_dict']),
        ('ema_state_dict', 'module.backbone.cls_token',
         whole['ema_state_dict']),
        ('optimizer', 'exp_avg_sq', whole['optimizer']['state'][0]),
    ):
        own, part[name] = part[name], torch.full_like(part[name], math.inf)
        torch.save(whole, trained)
        part[name] = own
        runner = build_runner(cfg)
        if entry == 'optimizer' and not resume:
            runner.test()  # which does not need it
            continue
        with pytest.raises(ValueError, match='epoch_1.pth is not finite in '
                           f'.*{name}, as after a training that diverged'):
            runner.train() if resume else runner.test()


@pytest.fixture
def trained(cfg, build_runner):
    """A checkpoint of one epoch, with an average."""
    cfg.default_hooks.ema = dict(type='mmdeit.EMAHook')
    cfg.train_cfg.max_epochs = 1
    cfg.val_cfg = cfg.val_dataloader = cfg.val_evaluator = None
    build_runner(cfg).train()
    return Path(cfg.work_dir, 'epoch_1.pth')


def test_a_resumed_optimizer_that_is_not_there(cfg, build_runner, trained,
                                               capfd):
    content = torch.load(trained, weights_only=True)
    del content['optimizer']
    torch.save(content, trained)
    cfg.resume = True
    capfd.readouterr()
    build_runner(cfg).train()
    assert 'has no state of the optimizer, which starts anew' in ''.join(
        capfd.readouterr())


def test_a_grid_of_as_many_patches():
    """4x9 are 6x6: interpolated to start from, and the model's own later."""
    source = build(img_size=(16, 36))
    own = source.backbone.pos_embed
    model = build(img_size=24, pretrain_img_size=(16, 36))
    expected = resize_pos_embed(own, (4, 9), (6, 6), num_extra_tokens=2)
    checkpoint = dict(state_dict=source.state_dict())
    assert match_checkpoint(checkpoint, model, start=True) == ''
    model.load_state_dict(checkpoint['state_dict'])
    assert torch.equal(model.backbone.pos_embed, expected)
    assert not torch.allclose(expected, own)

    resumed = build(img_size=24, pretrain_img_size=(16, 36))
    checkpoint = dict(state_dict=model.state_dict())
    match_checkpoint(checkpoint, resumed, start=False)
    resumed.load_state_dict(checkpoint['state_dict'])
    assert torch.equal(resumed.backbone.pos_embed, expected)
