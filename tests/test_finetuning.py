"""Fine-tuning at another resolution."""
import pytest
import torch
import torch.nn.functional as F

from mmdeit.checkpoints import start_dist_token
from mmdeit.models import DistilledVisionTransformer, VisionTransformer

ARCH = dict(
    embed_dims=8, num_layers=2, num_heads=2, feedforward_channels=16)


def interpolate(pos_embed, tokens, old, new):
    """Bicubic, tokens untouched, as in the official code."""
    grid = pos_embed[:, tokens:].reshape(1, *old, -1).permute(0, 3, 1, 2)
    grid = F.interpolate(grid, size=new, mode='bicubic', align_corners=False)
    return torch.cat(
        [pos_embed[:, :tokens], grid.flatten(2).transpose(1, 2)], dim=1)


@pytest.mark.parametrize('backbone, tokens', [
    (VisionTransformer, 1), (DistilledVisionTransformer, 2)])
@pytest.mark.parametrize('size', [48, 24, (64, 32)])
def test_position_embedding_is_interpolated_at_load(backbone, tokens, size):
    source = backbone(ARCH, img_size=32, patch_size=4)
    source.init_weights()
    target = backbone(ARCH, img_size=size, patch_size=4)
    state = source.state_dict()
    target.load_state_dict({k: v.clone() for k, v in state.items()})
    height, width = (size, size) if isinstance(size, int) else size
    expected = interpolate(state['pos_embed'], tokens, (8, 8),
                           (height // 4, width // 4))
    torch.testing.assert_close(target.pos_embed.data, expected)
    assert torch.equal(target.cls_token, source.cls_token)


@pytest.mark.parametrize('backbone, tokens', [
    (VisionTransformer, 1), (DistilledVisionTransformer, 2)])
@pytest.mark.parametrize('size', [32, (16, 48), (48, 24)])
def test_position_embedding_of_a_grid_that_is_not_square(
        backbone, tokens, size):
    source = backbone(ARCH, img_size=(24, 48), patch_size=4)
    source.init_weights()
    target = backbone(
        ARCH, img_size=size, patch_size=4, pretrain_img_size=(24, 48))
    state = source.state_dict()
    target.load_state_dict(state)
    expected = interpolate(state['pos_embed'], tokens, (6, 12),
                           target.patch_resolution)
    if size == (48, 24):  # as many patches: taken for its own
        expected = state['pos_embed']
    torch.testing.assert_close(target.pos_embed.data, expected)
    # and what the target saves is its own grid again
    again = backbone(
        ARCH, img_size=size, patch_size=4, pretrain_img_size=(24, 48))
    again.load_state_dict(target.state_dict())
    assert torch.equal(again.pos_embed, target.pos_embed)


@pytest.mark.parametrize('distilled_size', [16, 24, (16, 32)])
def test_197_positions_start_198(distilled_size):
    source = VisionTransformer(ARCH, img_size=16, patch_size=4)
    source.init_weights()
    target = DistilledVisionTransformer(
        ARCH, img_size=distilled_size, patch_size=4)
    state = source.state_dict()
    target.load_state_dict(state)
    assert state.keys() == source.state_dict().keys()  # not changed
    grid = interpolate(state['pos_embed'], 1, (4, 4), target.patch_resolution)
    torch.testing.assert_close(target.pos_embed.data[:, 1:], grid)
    assert torch.equal(target.pos_embed[:, 0], target.pos_embed[:, 1])
    assert torch.equal(target.dist_token, source.cls_token)
    # as convert_deit.py --add-dist-token starts it
    prefixed = {f'backbone.{name}': t for name, t in state.items()}
    started = start_dist_token(prefixed)
    assert torch.equal(started['backbone.dist_token'], target.dist_token)
    if distilled_size == 16:
        assert torch.equal(started['backbone.pos_embed'], target.pos_embed)


@pytest.mark.parametrize('pretrain_img_size, message', [
    (None, r'is for 18 patches, expected 64 \(8x8\) or a square number: set '
     'pretrain_img_size'),
    (16, r'is for 18 patches, expected 64 \(8x8\) or 16 \(4x4\): set '
     'pretrain_img_size'),
])
def test_positions_that_fit_no_grid(pretrain_img_size, message):
    source = VisionTransformer(ARCH, img_size=(12, 24), patch_size=4)
    target = VisionTransformer(
        ARCH, img_size=32, patch_size=4, pretrain_img_size=pretrain_img_size)
    with pytest.raises(ValueError, match=message) as error:
        target.load_state_dict(source.state_dict())
    assert '\n' not in str(error.value)
    no_patch = dict(pos_embed=torch.zeros(1, 1, 8))
    with pytest.raises(ValueError, match='is for 0 patches'):
        target.load_state_dict(no_patch, strict=False)


def test_pretrain_size_that_patches_do_not_divide():
    with pytest.raises(ValueError, match='pretrain_img_size 30x32 is not a '
                       'multiple of patch_size 4'):
        VisionTransformer(
            ARCH, img_size=32, patch_size=4, pretrain_img_size=(30, 32))


def test_finetune_with_the_teacher_to_other_pixels(cfg, build_runner):
    """What the official code refuses: distilling while fine-tuning."""
    runner = build_runner(cfg)
    runner.train()
    trained = runner.model.state_dict()
    cfg.load_from = f'{cfg.work_dir}/epoch_2.pth'
    cfg.work_dir += '-tuned'
    cfg.model.backbone.patch_size = 4
    cfg.model.backbone.img_size = 16
    cfg.optim_wrapper.optimizer.lr = 0.
    cfg.default_hooks.eval_mode = dict(type='mmdeit.EvalModeHook')
    tuned = build_runner(cfg)
    tuned.train()
    assert tuned.iter == 8
    pos_embed = tuned.model.backbone.pos_embed.data
    torch.testing.assert_close(
        pos_embed,
        interpolate(trained['backbone.pos_embed'], 2, (2, 2), (4, 4)))
    for name, value in tuned.model.state_dict().items():
        if name != 'backbone.pos_embed':
            assert torch.equal(value, trained[name]), name
