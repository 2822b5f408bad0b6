"""Fine-tuning at another resolution, and to other classes."""
import pytest
import torch
import torch.nn.functional as F

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
    cfg.custom_hooks.insert(0, dict(type='mmdeit.EvalModeHook'))
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


def test_other_classes_say_what_they_drop(cfg, build_runner, capfd):
    runner = build_runner(cfg)
    runner.train()
    cfg.load_from = f'{cfg.work_dir}/epoch_2.pth'
    cfg.work_dir += '-tuned'
    cfg.model.head.num_classes = 10
    cfg.model.data_preprocessor.num_classes = 10
    cfg.model.head.loss.mode = 'none'
    cfg.custom_hooks = []
    capfd.readouterr()
    build_runner(cfg).train()
    out, err = capfd.readouterr()
    for head in ('head', 'head_dist'):
        for part in ('weight', 'bias'):
            assert f'size mismatch for head.layers.{head}.{part}' in out + err
