import pytest
import torch
from mmengine.registry import MODELS
from mmpretrain.models.utils.norm import LayerNorm2d
from torch import nn
from torch.nn import functional as F

from mmdeit.models import SimpleFeaturePyramid


def build(in_channels=8, out_channels=6, **kwargs):
    torch.manual_seed(0)
    return MODELS.build(
        dict(
            type='mmdeit.SimpleFeaturePyramid',
            in_channels=in_channels,
            out_channels=out_channels,
            **kwargs))


def test_strides_of_a_1024_pixel_image():
    outputs = build()((torch.zeros(1, 8, 64, 64), ))
    assert [tuple(x.shape) for x in outputs] == [
        (1, 6, side, side) for side in (256, 128, 64, 32, 16)
    ]


@pytest.mark.parametrize('strides', [(4, 8, 16, 32), (8, 16, 32, 64), [16],
                                     (32, 64)])
def test_chosen_strides(strides):
    outputs = build(strides=strides)((torch.zeros(2, 8, 4, 8), ))
    assert [tuple(x.shape) for x in outputs] == [
        (2, 6, 64 // stride, 128 // stride) for stride in strides
    ]


def test_chosen_strides_are_those_of_all():
    """Fewer levels are the same levels, on the same weights."""
    torch.manual_seed(0)
    x = torch.randn(1, 8, 4, 4)
    whole, part = build(), build(strides=(8, 16))
    part.load_state_dict({
        f'levels.{int(name[7]) - 1}{name[8:]}': value
        for name, value in whole.state_dict().items() if name[7] in '12'
    })
    for expected, level in zip(whole((x, ))[1:3], part((x, ))):
        assert torch.equal(expected, level)


def test_another_norm():
    norms = [module for module in build(norm_cfg=dict(type='BN')).modules()
             if isinstance(module, (nn.BatchNorm2d, LayerNorm2d))]
    assert len(norms) == 1 + 2 * 4
    assert all(isinstance(norm, nn.BatchNorm2d) for norm in norms)


def test_another_initialisation():
    neck = build(init_cfg=dict(type='Constant', layer='Conv2d', val=.5))
    neck.init_weights()
    for module in neck.modules():
        if isinstance(module, nn.Conv2d):
            assert module.weight.eq(.5).all()


def test_only_the_last_input_counts():
    neck = build()
    first, last = torch.randn(2, 1, 8, 4, 4)
    for expected, level in zip(neck((last, )), neck((first, last))):
        assert torch.equal(expected, level)


def test_parameters():
    """Counted by hand for ViTDet's B: 768 channels to 256."""
    neck = SimpleFeaturePyramid(in_channels=768)
    tail = 256 * 256 * 9 + 2 * 256 * 2  # 3x3 and both norms
    up = 768 * 384 * 4 + 384
    expected = {
        '0': up + 2 * 384 + 384 * 192 * 4 + 192 + 192 * 256 + tail,
        '1': up + 384 * 256 + tail,
        '2': 768 * 256 + tail,
        '3': 768 * 256 + tail,
    }
    for index, number in expected.items():
        assert sum(p.numel()
                   for p in neck.levels[int(index)].parameters()) == number
    assert sum(p.numel() for p in neck.parameters()) == sum(expected.values())
    assert [name for name, _ in neck.levels[0].named_parameters()] == [
        '0.weight', '0.bias', '1.weight', '1.bias', '3.weight', '3.bias',
        '4.weight', '5.weight', '5.bias', '6.weight', '7.weight', '7.bias'
    ]


def layer_norm(x, norm):
    """Over the channels of (N, C, H, W)."""
    mean = x.mean(1, keepdim=True)
    variance = x.var(1, keepdim=True, unbiased=False)
    x = (x - mean) / (variance + 1e-6).sqrt()
    return x * norm.weight[:, None, None] + norm.bias[:, None, None]


def test_against_the_paper():
    """Every level again, from Section 3 and the neck's weights."""
    neck = build()
    for parameter in neck.parameters():
        torch.nn.init.normal_(parameter)
    x = torch.randn(2, 8, 4, 6)

    def up(x, module):
        return F.conv_transpose2d(x, module.weight, module.bias, stride=2)

    def tail(x, level):
        x = layer_norm(F.conv2d(x, level[-4].weight), level[-3])
        return layer_norm(
            F.conv2d(x, level[-2].weight, padding=1), level[-1])

    four, eight, sixteen, thirty_two = neck.levels
    expected = [
        tail(
            up(
                F.gelu(layer_norm(up(x, four[0]), four[1])), four[3]), four),
        tail(up(x, eight[0]), eight),
        tail(x, sixteen),
        tail(F.max_pool2d(x, 2), thirty_two),
    ]
    expected.append(expected[-1][:, :, ::2, ::2])
    for mine, theirs in zip(neck((x, )), expected):
        torch.testing.assert_close(mine, theirs, atol=1e-4, rtol=1e-4)


@pytest.mark.parametrize('side, sides', [
    (1, [4, 2, 1, 1, 1]),
    (13, [52, 26, 13, 7, 4]),
])
def test_odd_sides_cover_the_whole_image(side, sides):
    outputs = build()((torch.rand(1, 8, side, side), ))
    assert [x.shape[-1] for x in outputs] == sides
    assert all(x.isfinite().all() for x in outputs)


def test_gradients_reach_every_parameter():
    neck = build()
    x = torch.randn(1, 8, 4, 4, requires_grad=True)
    # a plain sum has no gradient behind a norm
    sum(level.square().sum() * (1 + index) - level[:, 0].sum()
        for index, level in enumerate(neck((x, )))).backward()
    assert x.grad.abs().sum() > 0
    for name, parameter in neck.named_parameters():
        assert parameter.grad is not None, name


@pytest.mark.parametrize('strides', [(), (4, 16), (64, ), (2, 4), (8, 4),
                                     (32, 64, 128)])
def test_other_strides(strides):
    with pytest.raises(ValueError, match='not consecutive ones of'):
        build(strides=strides)


@pytest.mark.parametrize('output', [
    torch.zeros(1, 8),
    torch.zeros(8, 5, 8),
    (torch.zeros(1, 8), torch.zeros(1, 8)),
])
def test_no_feature_map(output):
    with pytest.raises(ValueError, match="set its out_type='featmap'"):
        build()((output, ))
