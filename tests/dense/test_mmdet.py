"""The detectors of ``configs/mmdet``: recipe, training, weights, images."""

import numpy as np
import pytest
import torch
from mmdet.apis import inference_detector, init_detector
from mmengine.config import Config
from mmengine.optim import build_optim_wrapper
from mmengine.registry import MODELS, init_default_scope
from mmengine.runner import Runner

from mmdeit.cli import adapt_to_device
from tests.tools import ROOT

from .coco import IMAGES, MASK, SIDE, WIDTH, make_coco

CONFIGS = sorted(path.stem for path in ROOT.glob('configs/mmdet/*.py'))


def load(name):
    return Config.fromfile(ROOT / f'configs/mmdet/{name}.py')


@pytest.fixture(autouse=True)
def default_scope():
    init_default_scope('mmdet')


def test_the_configs_are_all_there():
    assert CONFIGS == sorted(
        f'{detector}_deit-{size}-distilled_coco-1024'
        for detector in ('mask-rcnn', 'faster-rcnn')
        for size in ('tiny', 'small', 'base'))


@pytest.mark.parametrize('name', CONFIGS)
def test_recipe(name):
    cfg = load(name)
    assert cfg.train_dataloader.batch_size * 8 == 64
    assert cfg.auto_scale_lr.base_batch_size == 64
    milestones = [scheduler.milestones for scheduler in cfg.param_scheduler
                  if scheduler.type == 'MultiStepLR']
    assert milestones == [[44, 48]] and cfg.train_cfg.max_epochs == 50
    preprocessor = cfg.model.data_preprocessor
    assert preprocessor.bgr_to_rgb  # images are read as BGR
    assert preprocessor.mean == [123.675, 116.28, 103.53]
    assert preprocessor.std == [58.395, 57.12, 57.375]
    size = name.split('_')[1]
    backbone = cfg.model.backbone
    assert f'/{size}/' in backbone.init_cfg.checkpoint
    assert backbone.arch in size
    text = (ROOT / f'configs/mmdet/{name}.py').read_text()
    assert f'{size}.py' in text and f'configs/mmdet/{name}.py 8' in text

    model = MODELS.build(cfg.model)
    assert model.with_mask == name.startswith('mask')
    # four blocks are global, the others have windows of 224 pixels
    assert [getattr(layer.attn, 'window_size', None)
            for layer in model.backbone.layers] == [14, 14, None] * 4
    # each head looks at every level where it lies
    strides = [4, 8, 16, 32, 64]
    assert cfg.model.neck.strides == tuple(strides)
    assert model.rpn_head.prior_generator.strides == [
        (stride, stride) for stride in strides]
    extractors = [model.roi_head.bbox_roi_extractor]
    if model.with_mask:
        extractors.append(model.roi_head.mask_roi_extractor)
    for extractor in extractors:
        assert extractor.featmap_strides == strides[:4]
        assert [layer.spatial_scale for layer in extractor.roi_layers] == [
            1 / stride for stride in strides[:4]]
    cfg.launcher = 'none'
    adapt_to_device(cfg)
    optimizer = build_optim_wrapper(model, cfg.optim_wrapper).optimizer
    names = {id(param): name for name, param in model.named_parameters()}
    groups = {
        names[id(param)]: group
        for group in optimizer.param_groups for param in group['params']
    }
    # 14 depths, and at most two decays at each
    assert len(optimizer.param_groups) <= 28
    for token in ('cls_token', 'dist_token', 'pos_embed'):
        group = groups[f'backbone.{token}']
        assert group['lr'] == pytest.approx(8e-5 * 0.7**13)
        assert group['weight_decay'] == 0
    for name in ('neck.levels.0.0.weight', 'rpn_head.rpn_cls.weight'):
        assert groups[name]['lr'] == 8e-5
        assert groups[name]['weight_decay'] == 0.1
    norm = groups['roi_head.bbox_head.shared_convs.0.ln.weight']
    assert norm['weight_decay'] == 0


@pytest.mark.parametrize('name', CONFIGS)
def test_trains_evaluates_and_resumes(name, small_detector, build):
    cfg = small_detector(name)
    runner = build(cfg)
    runner.train()
    assert runner.iter == 2
    scalars = runner.message_hub.log_scalars
    assert np.isfinite(scalars['train/loss'].current())
    metrics = {key for key in scalars if key.endswith('_mAP')}
    assert metrics == {'val/coco/bbox_mAP'} | (
        {'val/coco/segm_mAP'} if name.startswith('mask') else set())
    if 'small' in name or 'base' in name:
        return  # the same config but for the size, which is gone

    cfg.resume = True
    cfg.train_cfg.update(max_epochs=2, val_interval=2)
    resumed = build(cfg)
    resumed.load_or_resume()
    assert (resumed.epoch, resumed.iter) == (1, 2)
    for key, value in runner.model.state_dict().items():
        assert torch.equal(value, resumed.model.state_dict()[key]), key
    resumed.train()
    assert resumed.iter == 4
    states = resumed.optim_wrapper.optimizer.state.values()
    assert {int(state['step']) for state in states} == {4}


@pytest.mark.parametrize('divisor', [1, 32, SIDE])
def test_sizes_of_a_batch_may_differ(divisor, small_detector):
    """Whatever is padded, boxes and masks are those of each image."""
    cfg = small_detector(MASK)
    cfg.model.data_preprocessor.pad_size_divisor = divisor
    loader = Runner.build_dataloader(
        dict(cfg.train_dataloader, batch_size=IMAGES))
    model = MODELS.build(cfg.model)
    data = next(iter(loader))
    assert len({tuple(image.shape) for image in data['inputs']}) > 1
    losses = model(**model.data_preprocessor(data, True), mode='loss')
    sum(
        loss if torch.is_tensor(loss) else sum(loss)
        for name, loss in losses.items() if 'loss' in name).backward()
    assert all(p.grad is not None for p in model.parameters())

    detector = init_detector(cfg, device='cpu')
    shapes = [(70, 130), (128, 40), (33, 33)]
    images = [np.full((*shape, 3), 128, np.uint8) for shape in shapes]
    for (height, width), result in zip(
            shapes, inference_detector(detector, images)):
        boxes = result.pred_instances.bboxes
        assert len(boxes) and boxes.min() >= 0
        assert boxes[:, 2].max() <= width and boxes[:, 3].max() <= height
        assert result.pred_instances.masks.shape[1:] == (height, width)


@pytest.mark.parametrize('image_size', [224, 384])
@pytest.mark.parametrize('distilled', [True, False])
def test_starts_from_a_classifier(image_size, distilled, small_detector,
                                  tmp_path):
    """And detects at 1024 pixels, whose positions are interpolated."""
    cfg, real = small_detector(MASK), load(MASK)
    for key in ('img_size', 'window_size'):
        cfg.model.backbone[key] = real.model.backbone[key]
    cfg.model.data_preprocessor = real.model.data_preprocessor
    cfg.test_dataloader.dataset.pipeline = real.test_pipeline
    init_default_scope('mmpretrain')
    classifier = MODELS.build(
        dict(
            type='ImageClassifier',
            backbone=dict(
                type='mmdeit.DistilledVisionTransformer'
                if distilled else 'mmdeit.VisionTransformer',
                arch=cfg.model.backbone.arch,
                img_size=image_size),
            head=dict(
                type='mmdeit.DeiTClsHead', num_classes=7, in_channels=WIDTH)))
    init_default_scope('mmdet')
    classifier.init_weights()
    weights = classifier.backbone.state_dict()
    torch.save(
        dict(state_dict=classifier.state_dict()), tmp_path / 'deit.pth')

    cfg.model.backbone.init_cfg = dict(
        type='Pretrained',
        checkpoint=str(tmp_path / 'deit.pth'),
        prefix='backbone.')
    detector = MODELS.build(cfg.model)
    detector.init_weights()
    own = detector.backbone.state_dict()
    for key, value in weights.items():
        if key != 'pos_embed':
            assert torch.equal(own[key], value), key
    # Undistilled, the distillation token is a copy of the class token.
    second = 'dist_token' if distilled else 'cls_token'
    assert torch.equal(own['dist_token'], weights[second])
    assert own['pos_embed'].shape == (1, 2 + 64 * 64, WIDTH)
    assert torch.equal(own['pos_embed'][:, 1],
                       weights['pos_embed'][:, 1 if distilled else 0])

    detector.cfg = cfg
    shapes = []
    detector.neck.register_forward_hook(lambda module, inputs, maps: shapes.
                                        extend(x.shape[-2:] for x in maps))
    image = np.full((70, 130, 3), 128, np.uint8)
    boxes = inference_detector(detector.eval(), image).pred_instances.bboxes
    assert shapes == [(side, side) for side in (256, 128, 64, 32, 16)]
    assert len(boxes) and boxes.isfinite().all()


@pytest.mark.parametrize('dtype', [torch.float16, torch.bfloat16])
def test_mixed_precision(dtype, small_detector):
    """Of backbone and neck: on CPUs mmcv's NMS and RoIAlign have fp32 only."""
    cfg = small_detector(MASK)
    cfg.model.backbone.drop_path_rate = 0.
    torch.manual_seed(0)
    model = MODELS.build(cfg.model)
    model.init_weights()
    data = next(iter(Runner.build_dataloader(cfg.train_dataloader)))
    data = model.data_preprocessor(data, True)
    extract_feat = model.extract_feat

    def reduced(images):
        with torch.autocast('cpu', dtype):
            maps = extract_feat(images)
        assert {x.dtype for x in maps} == {dtype}
        return tuple(x.float() for x in maps)

    losses = []
    for model.extract_feat in (extract_feat, reduced):
        torch.manual_seed(0)  # of the sampled boxes
        loss, _ = model.parse_losses(model(**data, mode='loss'))
        model.zero_grad()
        loss.backward()
        losses.append(loss.item())
        assert all(p.grad.isfinite().all() for p in model.parameters())
    assert losses[1] == pytest.approx(losses[0], rel=.05)


def test_learns_a_handful_of_images(small_detector, build, tmp_path):
    """By heart, so that boxes, masks, classes and predictions correspond."""
    classes = ('glass', 'paper')
    make_coco(tmp_path / 'coco', classes)
    cfg = small_detector(MASK, tmp_path / 'coco', epochs=240, width=32)
    cfg.model.backbone.drop_path_rate = 0.
    for head in ('bbox_head', 'mask_head'):
        cfg.model.roi_head[head].num_classes = len(classes)
    # two layers instead of four convolutions and one: learns faster
    for key in ('norm_cfg', 'conv_out_channels'):
        cfg.model.roi_head.bbox_head.pop(key)
    cfg.model.roi_head.bbox_head.update(
        type='Shared2FCBBoxHead', fc_out_channels=128)
    cfg.model.roi_head.mask_head.num_convs = 1
    cfg.model.train_cfg.rcnn.sampler.pos_fraction = 0.5
    for loader in (cfg.train_dataloader, cfg.val_dataloader,
                   cfg.test_dataloader):
        loader.batch_size = IMAGES
        loader.dataset.metainfo = dict(classes=classes)
    # not augmented
    pipeline = cfg.train_dataloader.dataset.pipeline
    cfg.train_dataloader.dataset.pipeline = [
        *pipeline[:2],
        dict(type='Resize', scale=(SIDE, SIDE), keep_ratio=True), pipeline[-1]
    ]
    # from random weights
    cfg.optim_wrapper.optimizer.lr = 1e-3
    cfg.optim_wrapper.paramwise_cfg.layer_decay_rate = 1.
    cfg.param_scheduler = [
        dict(type='LinearLR', start_factor=0.1, by_epoch=False, end=10),
        dict(type='CosineAnnealingLR', by_epoch=False, T_max=240)
    ]
    cfg.default_hooks.checkpoint = None
    runner = build(cfg)
    runner.train()
    for task in ('bbox', 'segm'):
        assert runner.message_hub.get_scalar(
            f'val/coco/{task}_mAP').current() > 0.7
