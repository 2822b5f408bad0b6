import pytest
from mmengine.optim import build_optim_wrapper
from torch import nn

from mmdeit.models import DistilledVisionTransformer

LR = 1e-4
DECAY = 0.7


class ToyDetector(nn.Module):
    """What a detector and this constructor share."""

    def __init__(self, **kwargs):
        super().__init__()
        self.backbone = DistilledVisionTransformer(
            arch=dict(
                embed_dims=8,
                num_layers=2,
                num_heads=2,
                feedforward_channels=16),
            img_size=32,
            **kwargs)
        self.neck = nn.Conv2d(8, 4, 1)
        # a name that begins like the backbone's
        self.backbone_head = nn.LayerNorm(4)


def groups(model, **paramwise_cfg):
    """The optimiser's group of each parameter, by name."""
    wrapper = build_optim_wrapper(
        model,
        dict(
            optimizer=dict(type='AdamW', lr=LR, weight_decay=0.1),
            constructor='mmdeit.LayerDecayOptimWrapperConstructor',
            paramwise_cfg=dict(layer_decay_rate=DECAY, **paramwise_cfg)))
    names = {parameter: name for name, parameter in model.named_parameters()}
    result = {
        names[parameter]: group
        for group in wrapper.optimizer.param_groups
        for parameter in group['params']
    }
    assert len(result) == sum(p.requires_grad for p in names)
    return result


@pytest.mark.parametrize('name, exponent', [
    ('backbone.cls_token', 3),
    ('backbone.dist_token', 3),
    ('backbone.pos_embed', 3),
    ('backbone.patch_embed.projection.weight', 3),
    ('backbone.layers.0.attn.qkv.weight', 2),
    ('backbone.layers.1.ln1.bias', 1),
    ('backbone.ln1.weight', 0),
    ('neck.weight', 0),
    ('backbone_head.weight', 0),
])
def test_rate_of_each_depth(name, exponent):
    assert groups(ToyDetector())[name]['lr'] == pytest.approx(
        LR * DECAY**exponent)


def test_weight_decay():
    result = groups(
        ToyDetector(),
        norm_decay_mult=0.0,
        custom_keys={'.dist_token': dict(decay_mult=0.0)})
    assert result['backbone.dist_token']['weight_decay'] == 0
    assert result['backbone.layers.0.ln1.weight']['weight_decay'] == 0
    assert result['backbone.cls_token']['weight_decay'] == 0.1
    assert result['neck.bias']['weight_decay'] == 0.1


def test_frozen_parameters_are_left_out():
    result = groups(ToyDetector(frozen_stages=1))
    assert not any('token' in name or 'backbone.layers.0.' in name
                   for name in result)
    assert 'backbone.layers.1.ln1.bias' in result


@pytest.mark.parametrize('model, name', [
    (nn.Sequential(nn.Linear(1, 1)), 'NoneType'),
    (nn.ModuleDict(dict(backbone=nn.Linear(1, 1))), 'Linear'),
])
def test_no_backbone_with_depths(model, name):
    with pytest.raises(ValueError, match=f'{name} has no get_layer_depth'):
        groups(model)
