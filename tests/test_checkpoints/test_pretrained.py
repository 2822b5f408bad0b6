"""Whose checkpoint it is does not matter to a backbone."""
import logging
from copy import deepcopy

import pytest
import torch
from mmengine.logging import MMLogger
from mmengine.model import PretrainedInit
from mmengine.registry import MODELS

from mmdeit.checkpoints import add_dist_token, convert
from mmdeit.models import DistilledVisionTransformer, VisionTransformer
from mmdeit.models.positions import load_positions

from ..conftest import TEACHER

ARCH = dict(
    embed_dims=8, num_layers=2, num_heads=2, feedforward_channels=16)
ENTRIES = dict(mmdeit='state_dict', mmpretrain='state_dict', official='model')


def classifier(distilled, img_size):
    """Weights of a trained model, under this project's names."""
    model = MODELS.build(
        dict(
            type='ImageClassifier',
            backbone=dict(
                type='mmdeit.VisionTransformer', arch=ARCH, img_size=img_size),
            head=dict(
                type='VisionTransformerClsHead',
                num_classes=5,
                in_channels=8)))
    weights = {
        name: torch.randn_like(tensor)
        for name, tensor in model.state_dict().items()
    }
    if distilled:
        weights = add_dist_token(weights)
        weights['backbone.dist_token'] = torch.randn(1, 1, 8)
    return weights


def start(backbone, file, **others):
    """Start a backbone for images of 1024 pixels from a file."""
    model = backbone(
        ARCH,
        img_size=1024,
        init_cfg=dict(type='Pretrained', checkpoint=str(file), **others))
    model.init_weights()
    return model


@pytest.fixture
def log(tmp_path):
    """What is logged, line by line."""
    lines = []
    handler = logging.Handler(logging.INFO)
    handler.emit = lambda record: lines.append(record.getMessage())
    MMLogger.get_instance(str(tmp_path), log_level='INFO').addHandler(handler)
    return lines


@pytest.mark.parametrize('fmt', [
    'mmdeit', 'mmpretrain', 'official', 'timm', 'huggingface'])
@pytest.mark.parametrize('img_size', [224, 384])
@pytest.mark.parametrize('distilled', [True, False])
def test_a_detectors_backbone_starts_from(fmt, img_size, distilled, tmp_path,
                                          log):
    weights = classifier(distilled, img_size)
    there = convert(weights, 'mmdeit', fmt)
    file = tmp_path / 'deit.pth'
    torch.save({ENTRIES[fmt]: there} if fmt in ENTRIES else there, file)
    model = start(DistilledVisionTransformer, file, prefix='backbone.')
    state = model.state_dict()
    expected = weights if distilled else add_dist_token(weights)
    grid = (img_size // 16, ) * 2
    for name, tensor in state.items():
        source = expected[f'backbone.{name}']
        if name == 'pos_embed':
            assert tensor.shape == (1, 2 + 64 * 64, 8)
            source = load_positions(name, source, 2, grid, (64, 64))
        assert torch.equal(tensor, source), name
    note, = [line for line in log if 'head' in line]
    heads = ['head.layers.head.weight', 'head.layers.head.bias',
             'head.layers.head_dist.weight and 1 more'][:3 if distilled else 2]
    assert note == (f'{file}: loaded into the backbone; left out '
                    f'{", ".join(heads)}: not in the model')


@pytest.mark.parametrize('backbone', [
    VisionTransformer, DistilledVisionTransformer])
@pytest.mark.parametrize('before, prefix', [
    *((before, prefix) for before in ('backbone.', '')
      for prefix in (None, 'backbone')),
    ('student.backbone.', 'student.backbone.'),
])
def test_with_and_without_prefix(backbone, before, prefix, tmp_path, log):
    source = backbone(ARCH, img_size=32)
    weights = {f'{before}{n}': torch.randn_like(t)
               for n, t in source.state_dict().items()}
    file = tmp_path / 'vit.pth'
    torch.save(dict(state_dict=weights), file)
    model = backbone(
        ARCH, img_size=32, init_cfg=dict(
            type=PretrainedInit, checkpoint=str(file), prefix=prefix))
    model.init_weights()
    assert model.is_init
    for name, tensor in model.state_dict().items():
        assert torch.equal(tensor, weights[f'{before}{name}']), name
    assert log == [f'{file}: loaded into the backbone; nothing is left over']


PREFIXES = ['student.backbone.', 'backbone.', '']


@pytest.mark.parametrize('first, prefix', [
    (0, 'student.backbone'), (1, None), (1, 'backbone.')])
def test_of_several_backbones_the_one_asked_for(first, prefix, tmp_path, log):
    """Without a prefix, the one under 'backbone.' before one under none."""
    names = DistilledVisionTransformer(ARCH, img_size=32).state_dict()
    weights = {f'{before}{name}': torch.randn_like(tensor)
               for before in (PREFIXES[0], PREFIXES[2], PREFIXES[1])
               for name, tensor in names.items()}
    file = tmp_path / 'several.pth'
    torch.save(weights, file)
    model = DistilledVisionTransformer(
        ARCH, img_size=32, init_cfg=dict(
            type='Pretrained', checkpoint=str(file), prefix=prefix))
    model.init_weights()
    for name, tensor in model.state_dict().items():
        assert torch.equal(tensor, weights[f'{PREFIXES[first]}{name}']), name
    rest = len(weights) - len(names) - 3
    assert log[-1].endswith(f' and {rest} more: not in the model')


@pytest.mark.parametrize('before, there', [
    ('backbone.', 'backbone.cls_token, '),
    ('', 'cls_token, '),
    (None, 'cls_token, '),  # the official code's names
])
def test_a_prefix_that_is_not_there(before, there, tmp_path):
    weights = classifier(True, 32)
    weights = convert(weights, 'mmdeit', 'official') if before is None else {
        name.replace('backbone.', before): tensor
        for name, tensor in weights.items()
    }
    torch.save(weights, tmp_path / 'deit.pth')
    with pytest.raises(ValueError, match=(
            "deit.pth: it has no backbone under the prefix 'student.', but "
            f'{there}')):
        start(DistilledVisionTransformer, tmp_path / 'deit.pth',
              prefix='student.')


def test_a_checkpoint_without_the_distillation_token(tmp_path, log):
    file = tmp_path / 'deit.pth'
    torch.save(dict(state_dict=classifier(False, 224)), file)
    model = start(DistilledVisionTransformer, file)
    assert torch.equal(model.dist_token, model.cls_token)
    assert torch.equal(model.pos_embed[:, 0], model.pos_embed[:, 1])
    assert ("dist_token and its position start as copies of the class token's: "
            'the checkpoint has none.') in log


def test_inside_a_model(tmp_path):
    """As mmengine's Runner does it, through the whole model."""
    file = tmp_path / 'deit.pth'
    weights = classifier(True, 224)
    torch.save(dict(state_dict=weights), file)
    model = MODELS.build(
        dict(
            type='ImageClassifier',
            backbone=dict(
                type='mmdeit.DistilledVisionTransformer',
                arch=ARCH,
                frozen_stages=1,
                init_cfg=dict(type='Pretrained', checkpoint=str(file))),
            head=dict(type='mmdeit.DeiTClsHead', num_classes=3, in_channels=8)))
    model.init_weights()
    for name, tensor in model.backbone.state_dict().items():
        assert torch.equal(tensor, weights[f'backbone.{name}']), name
    assert not model.backbone.dist_token.requires_grad


def other_width():
    arch = dict(ARCH, embed_dims=12)
    return DistilledVisionTransformer(arch, img_size=32).state_dict()


def other_depth():
    arch = dict(ARCH, num_layers=3)
    return DistilledVisionTransformer(arch, img_size=32).state_dict()


def convnet():
    return MODELS.build(deepcopy(TEACHER)).state_dict()


def not_square():
    model = DistilledVisionTransformer(ARCH, img_size=(32, 64))
    return model.state_dict()


@pytest.mark.parametrize('backbone, weights, message', [
    (DistilledVisionTransformer, other_width,
     r'backbone.cls_token has shape \(1, 1, 12\), expected \(1, 1, 8\): give '
     'a checkpoint of this size, or correct type, arch'),
    (DistilledVisionTransformer, other_depth,
     'the model has no backbone.layers.2.ln1.weight'),
    (VisionTransformer, lambda: classifier(True, 32),
     'the model has no backbone.dist_token: give a .* or correct type, arch'),
    (DistilledVisionTransformer, not_square,
     'pos_embed is for 8 patches, .*: set pretrain_img_size'),
    (DistilledVisionTransformer, convnet,
     'unknown keys .*: expected a DeiT of mmdeit, mmpretrain'),
    (DistilledVisionTransformer, dict, r'unknown keys \(none\)'),
    (DistilledVisionTransformer,
     lambda: {'blocks.0.norm1.weight': torch.ones(8)}, 'missing keys '
     'cls_token, .*: expected a whole'),
])
def test_what_does_not_fit_is_one_line(backbone, weights, message, tmp_path):
    file = tmp_path / 'other.pth'
    torch.save(dict(state_dict=weights()), file)
    with pytest.raises(ValueError, match=f'other.pth: {message}') as error:
        start(backbone, file, prefix='backbone.')
    assert '\n' not in str(error.value)


def test_no_file():
    with pytest.raises(FileNotFoundError, match='no checkpoint at nowhere.pth'):
        start(VisionTransformer, 'nowhere.pth')
