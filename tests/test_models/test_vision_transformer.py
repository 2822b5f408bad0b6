import pytest
import torch
from mmengine.model import PretrainedInit
from mmpretrain.models.backbones import VisionTransformer as _VisionTransformer
from torch import nn

from mmdeit.models import DistilledVisionTransformer, VisionTransformer

BACKBONES = [VisionTransformer, DistilledVisionTransformer]


@pytest.mark.parametrize('arch, params', [
    ('tiny', 5_524_416),
    ('small', 21_665_664),
    ('base', 85_798_656),
])
def test_sizes(arch, params):
    """Paper Table 1: 5, 22 and 86 M, here without the classifier."""
    model = VisionTransformer(arch)
    assert sum(p.numel() for p in model.parameters()) == params
    distilled = DistilledVisionTransformer(f'deit-{arch}')
    # one more token, with its position
    assert sum(p.numel() for p in distilled.parameters()) == (
        params + 2 * model.embed_dims)


def test_is_mmpretrains_network():
    ours = VisionTransformer('tiny', img_size=32)
    ours.init_weights()
    theirs = _VisionTransformer('deit-tiny', img_size=32)
    theirs.load_state_dict(ours.state_dict(), strict=True)
    images = torch.randn(2, 3, 32, 32)
    assert torch.equal(ours(images)[0], theirs(images)[0])


@pytest.mark.parametrize('backbone', BACKBONES)
def test_official_initialisation(backbone):
    torch.manual_seed(0)
    model = backbone('tiny')
    conv = model.patch_embed.projection.weight.clone()
    model.init_weights()
    for module in model.modules():
        if isinstance(module, nn.Linear):
            assert module.weight.std().item() == pytest.approx(.02, rel=.02)
            assert module.weight.mean().abs() < 1e-3
            assert module.bias.abs().max() == 0
        elif isinstance(module, nn.LayerNorm):
            assert module.eps == 1e-6
            assert module.weight.min() == module.weight.max() == 1
    assert model.cls_token.std().item() == pytest.approx(.02, rel=.2)
    assert model.pos_embed.std().item() == pytest.approx(.02, rel=.02)
    assert torch.equal(model.patch_embed.projection.weight, conv)


@pytest.mark.parametrize('kind', [
    'Pretrained', 'mmengine.Pretrained', PretrainedInit])
@pytest.mark.parametrize('backbone', BACKBONES)
@pytest.mark.parametrize('wrap', [
    lambda cfg: cfg,
    lambda cfg: [cfg, dict(type='Constant', layer='Linear', val=1.)],
])
def test_pretrained_weights_are_kept(backbone, wrap, kind, tmp_path):
    source = backbone('tiny', img_size=32)
    source.init_weights()
    torch.save(source.state_dict(), tmp_path / 'vit.pth')
    model = backbone(
        'tiny',
        img_size=32,
        init_cfg=wrap(
            dict(type=kind, checkpoint=str(tmp_path / 'vit.pth'))))
    model.init_weights()
    for name, value in model.state_dict().items():
        assert torch.equal(value, source.state_dict()[name]), name


@pytest.mark.parametrize('wrap', [lambda cfg: cfg, lambda cfg: [cfg]])
def test_what_the_user_asks_for_has_the_last_word(wrap):
    model = VisionTransformer(
        'tiny',
        img_size=32,
        init_cfg=wrap(dict(type='Constant', layer='Linear', val=3., bias=2.)))
    model.init_weights()
    for module in model.modules():
        if isinstance(module, nn.Linear):
            assert module.weight.eq(3).all() and module.bias.eq(2).all()
    # the rest is the official one
    assert model.cls_token.std().item() == pytest.approx(.02, rel=.2)


@pytest.mark.parametrize('backbone', BACKBONES)
def test_stochastic_depth_grows_linearly(backbone):
    model = backbone('tiny', img_size=32, drop_path_rate=0.11)
    rates = [layer.attn.out_drop.drop_prob for layer in model.layers]
    assert rates == pytest.approx([0.01 * i for i in range(12)])


@pytest.mark.parametrize('backbone', BACKBONES)
@pytest.mark.parametrize('size', [225, (224, 200)])
def test_indivisible_image_size(backbone, size):
    with pytest.raises(ValueError, match='not a multiple of patch_size 16'):
        backbone('tiny', img_size=size)
