"""The segmentors of ``configs/mmseg``."""

import numpy as np
import pytest
import torch
from mmengine.config import Config
from mmengine.optim import build_optim_wrapper
from mmengine.registry import MODELS, init_default_scope
from mmengine.runner import Runner
from mmseg.apis import inference_model, init_model

from tests.tools import ROOT

from .ade import CROP, IMAGES, LINEAR, UPERNET, WIDTH

CONFIGS = sorted(path.stem for path in ROOT.glob('configs/mmseg/*.py'))


def load(name):
    return Config.fromfile(ROOT / f'configs/mmseg/{name}.py')


@pytest.fixture(autouse=True)
def default_scope():
    init_default_scope('mmseg')


def test_the_configs_are_all_there():
    assert CONFIGS == sorted(
        f'{head}_deit-{size}-distilled_ade20k-512'
        for head in ('upernet', 'linear')
        for size in ('tiny', 'small', 'base'))


@pytest.mark.parametrize('name', CONFIGS)
def test_recipe(name):
    cfg = load(name)
    with torch.device('meta'):  # neither memory nor random numbers
        model = MODELS.build(cfg.model)
    assert model.num_classes == 150
    assert cfg.train_dataloader.batch_size * 8 == 16
    assert cfg.auto_scale_lr.base_batch_size == 16
    assert cfg.train_cfg.max_iters == cfg.param_scheduler[-1].end == 160000
    assert cfg.optim_wrapper.optimizer.lr == 6e-5
    preprocessor = cfg.model.data_preprocessor
    assert preprocessor.bgr_to_rgb  # images are read as BGR
    assert preprocessor.mean == [123.675, 116.28, 103.53]
    assert preprocessor.std == [58.395, 57.12, 57.375]
    if name.startswith('upernet'):
        assert model.backbone.out_indices == [2, 5, 8, 11]
        assert model.neck.scales == [4, 2, 1, 0.5]  # strides 4, 8, 16, 32
    else:
        assert model.backbone.out_indices == [11]
    size = name.split('_')[1]
    init_cfg = cfg.model.backbone.init_cfg
    assert init_cfg.checkpoint == f'work_dirs/{size}/epoch_300.pth'
    assert cfg.model.backbone.arch in size
    text = (ROOT / f'configs/mmseg/{name}.py').read_text()
    assert f'configs/deit/{size}.py' in text
    assert f'configs/mmseg/{name}.py 8' in text

    optimizer = build_optim_wrapper(model, cfg.optim_wrapper)
    decay = {
        id(parameter): group['weight_decay']
        for group in optimizer.param_groups for parameter in group['params']
    }
    spared = [
        key for key, parameter in model.named_parameters()
        if decay[id(parameter)] == 0
    ]
    tokens = ['cls_token', 'dist_token', 'pos_embed']
    assert set(f'backbone.{token}' for token in tokens) < set(spared)
    assert all(key.split('.')[-1] in tokens or '.ln' in key or '.bn.' in key
               for key in spared)
    assert 'backbone.layers.0.ln1.weight' in spared


@pytest.mark.parametrize('name', CONFIGS)
def test_trains_evaluates_and_resumes(name, small_segmentor, build):
    cfg = small_segmentor(name)
    runner = build(cfg)
    runner.train()
    assert runner.iter == 2
    scalars = runner.message_hub.log_scalars
    assert np.isfinite(scalars['train/loss'].current())
    assert 0 <= scalars['val/mIoU'].current() <= 100
    if 'small' in name or 'base' in name:
        return  # the same config but for the size, which is gone

    cfg.resume = True
    cfg.train_cfg.update(max_iters=3, val_interval=3)
    resumed = build(cfg)
    resumed.load_or_resume()
    assert resumed.iter == 2
    for key, value in runner.model.state_dict().items():
        assert torch.equal(value, resumed.model.state_dict()[key]), key
    resumed.train()
    assert resumed.iter == 3
    states = resumed.optim_wrapper.optimizer.state.values()
    assert {int(state['step']) for state in states} == {3}


@pytest.mark.parametrize('name', [UPERNET, LINEAR])
@pytest.mark.parametrize('height, width', [(64, 64), (50, 170), (211, 30)])
def test_images_of_any_size(name, height, width, small_segmentor):
    """Whole (UPerNet) and in windows (linear)."""
    cfg = small_segmentor(name)
    model = init_model(cfg, device='cpu')
    assert model.test_cfg.mode == ('whole' if name == UPERNET else 'slide')
    image = np.random.default_rng(0).integers(
        0, 256, (height, width, 3), dtype=np.uint8)
    result = inference_model(model, image)
    assert result.pred_sem_seg.data.shape == (1, height, width)


@pytest.mark.parametrize('image_size', [224, 384])
@pytest.mark.parametrize('distilled', [True, False])
def test_starts_from_a_classifier(image_size, distilled, small_segmentor,
                                  tmp_path):
    """Undistilled, the distillation token is a copy of the class token."""
    cfg = small_segmentor(UPERNET)
    backbone = dict(
        type='mmdeit.DistilledVisionTransformer'
        if distilled else 'mmdeit.VisionTransformer',
        arch=cfg.model.backbone.arch,
        img_size=image_size)
    init_default_scope('mmpretrain')
    classifier = MODELS.build(
        dict(
            type='ImageClassifier',
            backbone=backbone,
            head=dict(type='LinearClsHead', num_classes=7, in_channels=WIDTH)))
    init_default_scope('mmseg')
    classifier.init_weights()
    weights = classifier.state_dict()
    torch.save(dict(state_dict=weights), tmp_path / 'deit.pth')

    cfg.model.backbone.init_cfg = dict(
        type='Pretrained',
        checkpoint=str(tmp_path / 'deit.pth'),
        prefix='backbone.')
    segmentor = MODELS.build(cfg.model)
    segmentor.init_weights()
    own = segmentor.state_dict()
    for key, value in classifier.backbone.state_dict().items():
        if key != 'pos_embed':
            assert torch.equal(own[f'backbone.{key}'], value), key
    first = 'dist_token' if distilled else 'cls_token'
    assert torch.equal(own['backbone.dist_token'], weights[f'backbone.{first}'])
    assert own['backbone.pos_embed'].shape == (1, 2 + (CROP // 16)**2, WIDTH)
    tokens = own['backbone.pos_embed'][:, :2]
    expected = weights['backbone.pos_embed'][:, :2 if distilled else 1]
    assert torch.equal(tokens, expected.expand(1, 2, WIDTH))


@pytest.mark.parametrize('name', [UPERNET, LINEAR])
@pytest.mark.parametrize('dtype', [torch.float16, torch.bfloat16])
def test_mixed_precision(name, dtype, small_segmentor):
    cfg = small_segmentor(name)
    cfg.model.backbone.drop_path_rate = 0.
    for head in ('decode_head', 'auxiliary_head'):
        if head in cfg.model:
            cfg.model[head].dropout_ratio = 0.
    torch.manual_seed(0)
    model = MODELS.build(cfg.model)
    model.init_weights()
    data = next(iter(Runner.build_dataloader(cfg.train_dataloader)))
    data = model.data_preprocessor(data, True)
    losses = []
    for enabled in (False, True):
        with torch.autocast('cpu', dtype, enabled):
            loss, _ = model.parse_losses(model(**data, mode='loss'))
        model.zero_grad()
        loss.backward()
        losses.append(loss.item())
        assert all(p.grad.isfinite().all() for p in model.parameters())
    assert losses[1] == pytest.approx(losses[0], rel=.05)


@pytest.mark.parametrize('name', [UPERNET, LINEAR])
def test_learns_a_handful_of_images(name, small_segmentor, build):
    """By heart, so that images, annotations and predictions correspond."""
    cfg = small_segmentor(name, iters=300)
    cfg.model.backbone.drop_path_rate = 0.
    pipeline = cfg.train_dataloader.dataset.pipeline
    cfg.train_dataloader.dataset.pipeline = [
        *pipeline[:2],
        dict(type='Resize', scale=(4 * CROP, CROP), keep_ratio=True),
        pipeline[3],
        pipeline[-1],
    ]
    cfg.train_dataloader.batch_size = IMAGES
    cfg.auto_scale_lr.base_batch_size = IMAGES
    cfg.optim_wrapper.optimizer.lr = 2e-3
    runner = build(cfg)
    runner.train()
    assert runner.message_hub.get_scalar('val/mIoU').current() > 80
