"""The backbones as detectors and segmentors use them."""
import pytest
import torch
import torch.nn.functional as F
from mmpretrain.models.backbones import VisionTransformer as _VisionTransformer
from torch import nn
from torch.utils.checkpoint import checkpoint

from mmdeit.models import (
    DistilledVisionTransformer,
    VisionTransformer,
    vision_transformer,
)

ARCH = dict(
    embed_dims=16, num_layers=4, num_heads=2, feedforward_channels=32)
BACKBONES = [VisionTransformer, DistilledVisionTransformer]


def build(backbone, img_size=32, patch_size=4, **others):
    """A backbone in which every weight matters."""
    torch.manual_seed(0)
    model = backbone(
        ARCH, img_size=img_size, patch_size=patch_size, **others)
    for parameter in model.parameters():
        nn.init.normal_(parameter, std=.3)
    return model


def twin(model, **others):
    """The same weights in a backbone with other arguments."""
    other = type(model)(ARCH, img_size=32, patch_size=4, **others)
    other.load_state_dict(model.state_dict(), strict=True)
    return other


@pytest.mark.parametrize('backbone', BACKBONES)
@pytest.mark.parametrize('window', [None, 3])
def test_feature_maps_are_the_patch_tokens(backbone, window):
    indices = (0, 2, -1)
    maps = build(backbone, out_type='featmap', out_indices=indices,
                 window_size=window, global_indices=(1, ))
    raw = twin(maps, out_type='raw', out_indices=indices, window_size=window,
               global_indices=(1, ))
    images = torch.randn(2, 3, 24, 40)
    features, tokens = maps(images), raw(images)
    assert len(features) == len(tokens) == 3
    for feature, token in zip(features, tokens):
        assert feature.shape == (2, 16, 6, 10)
        patches = token[:, maps.num_extra_tokens:]
        assert torch.equal(feature.flatten(2).transpose(1, 2), patches)
    # and the last is what the classifier's tokens stand beside
    cls_token = twin(
        maps, window_size=window, global_indices=(1, ))(images)[0]
    if backbone is DistilledVisionTransformer:
        assert torch.equal(cls_token[1], tokens[-1][:, 1])
        cls_token = cls_token[0]
    assert torch.equal(cls_token, tokens[-1][:, 0])


def test_maps_come_in_the_order_asked_for():
    model = build(VisionTransformer, out_type='featmap', out_indices=(3, -4))
    images = torch.randn(1, 3, 32, 32)
    last, first = model(images)
    model.out_indices = [0, 3]
    for feature, expected in zip(model(images), (first, last)):
        assert torch.equal(feature, expected)


@pytest.mark.parametrize('backbone', BACKBONES)
@pytest.mark.parametrize('argument, message', [
    (dict(out_indices=(0, 4)), 'out_indices has 4, expected -4 to 3'),
    (dict(out_indices=-5), 'out_indices has -5, expected -4 to 3'),
    (dict(out_indices=1.5), 'out_indices has 1.5, expected -4 to 3'),
    (dict(global_indices=(4, )), 'global_indices has 4, expected -4 to 3'),
    (dict(global_indices=['a'], window_size=2), 'global_indices has a, '),
    (dict(window_size=0), 'window_size is 0, expected a whole number from 1'),
    (dict(window_size=7.5), 'window_size is 7.5, expected a whole number'),
    (dict(frozen_stages=5), 'frozen_stages has 5, expected -1 to 4'),
    (dict(frozen_stages=-2), 'frozen_stages has -2, expected -1 to 4'),
])
def test_out_of_range(backbone, argument, message):
    with pytest.raises(ValueError, match=message):
        build(backbone, **argument)


@pytest.mark.parametrize('depth, indices, expected', [
    (24, None, [5, 11, 17, 23]),
    (12, None, [2, 5, 8, 11]),
    (6, None, [1, 2, 4, 5]),
    (2, None, [0, 1]),
    (1, None, [0]),
    (4, (0, -1), [0, 3]),
    (2, (), []),
])
def test_blocks_without_windows(depth, indices, expected):
    model = VisionTransformer(
        dict(ARCH, num_layers=depth), img_size=32, window_size=2,
        global_indices=indices)
    assert [i for i, layer in enumerate(model.layers)
            if not hasattr(layer.attn, 'window_size')] == expected


@pytest.mark.parametrize('backbone', BACKBONES)
@pytest.mark.parametrize('size', [(32, 32), (30, 61), (33, 20), (3, 1)])
def test_any_size_is_padded_at_the_right_and_bottom(backbone, size):
    model = build(backbone, out_type='featmap', window_size=3)
    images = torch.randn(2, 3, *size)
    feature, = model(images)
    rows, columns = (-(-side // 4) for side in size)
    assert feature.shape == (2, 16, rows, columns)
    padded = F.pad(
        images, (0, 4 * columns - size[1], 0, 4 * rows - size[0]))
    assert torch.equal(model(padded)[0], feature)


@pytest.mark.parametrize('backbone', BACKBONES)
@pytest.mark.parametrize('size', [(48, 48), (64, 20), (18, 30)])
def test_positions_are_interpolated_at_run_time(backbone, size):
    """A model made for this size, with positions interpolated by hand."""
    model = build(backbone, out_type='raw')
    grid = tuple(-(-side // 4) for side in size)
    fixed = build(backbone, out_type='raw',
                  img_size=tuple(4 * side for side in grid))
    tokens = model.num_extra_tokens
    positions = model.pos_embed[:, tokens:].reshape(1, 8, 8, 16)
    positions = F.interpolate(
        positions.permute(0, 3, 1, 2), size=grid, mode='bicubic',
        align_corners=False)
    state = model.state_dict()
    state['pos_embed'] = torch.cat(
        (model.pos_embed[:, :tokens], positions.flatten(2).transpose(1, 2)), 1)
    fixed.load_state_dict(state)
    images = torch.randn(1, 3, *size)
    torch.testing.assert_close(model(images)[0], fixed(images)[0])


@pytest.mark.parametrize('backbone', BACKBONES)
@pytest.mark.parametrize('size', [(32, 32), (30, 61)])
def test_a_window_over_the_image_is_global_attention(backbone, size):
    whole = build(backbone, out_type='raw')
    windowed = twin(whole, out_type='raw', window_size=16, global_indices=())
    narrow = twin(whole, out_type='raw', window_size=2, global_indices=())
    images = torch.randn(2, 3, *size)
    expected, = whole(images)
    torch.testing.assert_close(windowed(images)[0], expected, rtol=0, atol=1e-5)
    assert not torch.allclose(narrow(images)[0], expected, atol=1e-2)


def test_windows_leave_names_and_stochastic_depth():
    whole = build(DistilledVisionTransformer, drop_path_rate=.3)
    windowed = twin(whole, drop_path_rate=.3, window_size=2,
                    global_indices=(0, 2))
    for i, (layer, expected) in enumerate(zip(windowed.layers, whole.layers)):
        assert hasattr(layer.attn, 'window_size') == (i in (1, 3))
        for part in (lambda x: x.attn.out_drop, lambda x: x.ffn.dropout_layer):
            assert part(layer).drop_prob == part(expected).drop_prob
        assert layer.ln1.eps == expected.ln1.eps
    assert list(windowed.state_dict()) == list(whole.state_dict())
    assert windowed(torch.randn(1, 3, 32, 32))[0][1].shape == (1, 16)


@pytest.mark.parametrize('backbone', BACKBONES)
@pytest.mark.parametrize('frozen_stages', [-1, 2])
def test_checkpointing_has_the_same_gradients(backbone, frozen_stages):
    common = dict(
        out_type='featmap', out_indices=(1, 3), drop_path_rate=.5,
        window_size=3, global_indices=(1, 3), frozen_stages=frozen_stages)
    plain = build(backbone, **common)
    saving = twin(plain, with_cp=True, **common)
    images = torch.randn(4, 3, 20, 28)
    for model in (plain, saving):
        model.train()
        torch.manual_seed(1)  # of the stochastic depth
        loss = sum(feature.square().sum() for feature in model(images))
        # another size before the backward pass does not disturb it
        model(images[..., :9])
        loss.backward()
    for (name, expected), got in zip(plain.named_parameters(),
                                     saving.parameters()):
        assert (got.grad is None) == (expected.grad is None), name
        assert (got.grad is None) == (not got.requires_grad), name
        if got.grad is not None:
            torch.testing.assert_close(got.grad, expected.grad)


@pytest.mark.parametrize('with_cp', [False, True])
def test_checkpointing_is_for_training(with_cp, monkeypatch):
    calls = []

    def record(function, *args, **kwargs):
        calls.append(function)
        return checkpoint(function, *args, **kwargs)

    monkeypatch.setattr(vision_transformer, 'checkpoint', record)
    model = build(VisionTransformer, with_cp=with_cp, window_size=2)
    images = torch.randn(1, 3, 32, 32)
    with torch.no_grad():
        model(images)
    assert calls == []
    model(images)
    assert calls == (list(model.layers) if with_cp else [])


@pytest.mark.parametrize('backbone', BACKBONES)
def test_blocks_behind_the_last_index_rest(backbone):
    """Neither run nor trained, so that DDP waits for no gradient of theirs."""
    model = build(backbone, out_type='featmap', out_indices=(2, 0)).train()
    model.layers[3].forward = None
    images = torch.randn(2, 3, 32, 32)
    sum(feature.square().sum() for feature in model(images)).backward()
    for name, parameter in model.named_parameters():
        assert (parameter.grad is None) == (
            not parameter.requires_grad) == name.startswith(
                ('layers.3', 'ln1')), name


@pytest.mark.parametrize('norm_eval', [False, True])
def test_norm_layers_in_eval_mode(norm_eval):
    model = build(DistilledVisionTransformer, norm_eval=norm_eval).train()
    norms = [m for m in model.modules() if isinstance(m, nn.LayerNorm)]
    assert len(norms) == 9
    assert {norm.training for norm in norms} == {not norm_eval}
    assert model.training and model.layers[0].attn.training


def test_mmpretrains_feature_maps():
    ours = build(VisionTransformer, out_type='featmap', out_indices=(1, 3))
    theirs = _VisionTransformer(
        ARCH, img_size=32, patch_size=4, out_type='featmap',
        out_indices=[1, 3])
    theirs.load_state_dict(ours.state_dict(), strict=True)
    images = torch.randn(2, 3, 30, 50)
    for feature, expected in zip(ours(images), theirs(images), strict=True):
        assert torch.equal(feature, expected)
