import pytest
import torch
from mmengine.optim import build_optim_wrapper
from mmengine.registry import MODELS
from mmpretrain.models.backbones import (
    DistilledVisionTransformer as _DistilledVisionTransformer,
)

from mmdeit.models import DistilledVisionTransformer


@pytest.fixture
def model():
    torch.manual_seed(0)
    model = DistilledVisionTransformer('tiny', img_size=32)
    model.init_weights()
    return model


def test_is_mmpretrains_network(model):
    theirs = _DistilledVisionTransformer('deit-tiny', img_size=32)
    theirs.load_state_dict(model.state_dict(), strict=True)
    model.load_state_dict(theirs.state_dict(), strict=True)
    images = torch.randn(2, 3, 32, 32)
    (ours, ), (expected, ) = model(images), theirs(images)
    for token, expected_token in zip(ours, expected, strict=True):
        assert token.shape == (2, 192)
        assert torch.equal(token, expected_token)


@pytest.mark.parametrize('left_out', [
    (), ('cls_token', 'dist_token'), ('pos_embed', 'dist_token')])
def test_a_part_of_the_weights(model, left_out):
    """Without class token or positions nothing starts the other token."""
    part = {
        name: torch.ones_like(tensor)
        for name, tensor in model.state_dict().items()
        if left_out and name not in left_out
    }
    before = model.dist_token.clone()
    missing, unexpected = model.load_state_dict(part, strict=False)
    assert set(missing) == set(model.state_dict()) - set(part)
    assert unexpected == []
    assert torch.equal(model.dist_token, before)


def test_order_of_the_tokens(model):
    images = torch.randn(2, 3, 32, 32)
    (cls_token, dist_token), = model(images)
    model.out_type = 'raw'
    raw, = model(images)
    assert raw.shape == (2, 2 + 4, 192)
    assert torch.equal(raw[:, 0], cls_token)
    assert torch.equal(raw[:, 1], dist_token)
    model.out_type = 'featmap'
    featmap, = model(images)
    assert torch.equal(featmap.flatten(2).transpose(1, 2), raw[:, 2:])


def test_both_tokens_start_from_a_truncated_normal(model):
    assert model.dist_token.std().item() == pytest.approx(.02, rel=.2)
    assert not torch.equal(model.dist_token, model.cls_token)


@pytest.mark.parametrize('name, depth', [
    ('backbone.cls_token', 0),
    ('backbone.dist_token', 0),
    ('backbone.pos_embed', 0),
    ('backbone.patch_embed.projection.weight', 0),
    ('backbone.layers.0.ln1.weight', 1),
    ('backbone.layers.11.ln1.weight', 12),
    ('backbone.ln1.weight', 13),
    ('head.layers.head_dist.weight', 13),
])
def test_layer_depth(model, name, depth):
    assert model.get_layer_depth(name, 'backbone.') == (depth, 14)


@pytest.mark.parametrize('stages', [-1, 0, 3, 12])
def test_freezing_knows_both_tokens(stages):
    model = DistilledVisionTransformer(
        'tiny', img_size=32, frozen_stages=stages, drop_path_rate=0.1)
    model.train()
    parts = [
        *(['cls_token', 'dist_token', 'pos_embed', 'patch_embed.']
          if stages >= 0 else []),
        *(f'layers.{i}.' for i in range(stages)),
        *(['ln1.'] if stages == 12 else []),
    ]
    for name, parameter in model.named_parameters():
        assert parameter.requires_grad != name.startswith(tuple(parts)), name
    assert model.patch_embed.training == (stages < 0)
    assert [layer.training for layer in model.layers
            ] == [i >= stages for i in range(12)]


def test_layer_wise_learning_rates_know_both_tokens():
    model = MODELS.build(
        dict(
            type='ImageClassifier',
            backbone=dict(
                type='mmdeit.DistilledVisionTransformer',
                arch='tiny',
                img_size=32),
            head=dict(
                type='mmdeit.DeiTClsHead', num_classes=3, in_channels=192)))
    optimizer = build_optim_wrapper(
        model,
        dict(
            constructor='LearningRateDecayOptimWrapperConstructor',
            optimizer=dict(type='AdamW', lr=1., weight_decay=0.05),
            paramwise_cfg=dict(layer_decay_rate=0.5)))
    rates = {
        id(parameter): group['lr']
        for group in optimizer.param_groups for parameter in group['params']
    }
    for name, parameter in model.named_parameters():
        depth = 13
        if '_token' in name or 'embed' in name:
            depth = 0
        elif 'backbone.layers' in name:
            depth = int(name.split('.')[2]) + 1
        assert rates[id(parameter)] == 0.5**(13 - depth), name
