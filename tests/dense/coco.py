"""A data set in COCO's layout, and the detectors made small for it."""
import json
from pathlib import Path
from typing import Sequence

import cv2
import numpy as np
from mmengine.config import Config

from .photographs import photograph

IMAGES = 4
SIZES = [(96, 128), (128, 96)]  # height, width
SIDE = 128  # instead of 1024
WIDTH = 16
MASK = 'mask-rcnn_deit-tiny-distilled_coco-1024'


def middle(kind: str, index: int, width: int, height: int) -> np.ndarray:
    """The middle of a photograph."""
    image = photograph(kind, index)
    rows, columns = (side // 4 for side in image.shape[:2])
    return cv2.resize(image[rows:-rows, columns:-columns], (width, height))


def make_coco(root: Path, classes: Sequence[str]) -> None:
    """Write ellipses of glass and paper on cardboard, alike in both splits.

    Args:
        root (Path): Folder to write to.
        classes (Sequence[str]): Names of the categories. Glass is the first,
            paper the second.
    """
    rng = np.random.default_rng(0)
    images, annotations = [], []
    for i in range(IMAGES):
        height, width = SIZES[i % len(SIZES)]
        image = middle('cardboard', i, width, height)
        # one in each half of the longer side
        for half in range(2):
            label = (i + half) % 2
            texture = middle(('glass', 'paper')[label], i, width, height)
            along, across = (0.25 + 0.5 * half), 0.5 + rng.uniform(-.1, .1)
            x, y = (along, across) if width >= height else (across, along)
            polygon = cv2.ellipse2Poly(
                (round(x * width), round(y * height)),
                tuple(int(radius) for radius in rng.integers(15, 23, 2)),
                0, 0, 360, 10)
            mask = cv2.fillPoly(
                np.zeros((height, width), np.uint8), [polygon], 1)
            image = np.where(mask[..., None], texture, image)
            left, top = polygon.min(0).tolist()
            right, bottom = polygon.max(0).tolist()
            annotations.append(
                dict(
                    id=len(annotations) + 1,
                    image_id=i,
                    category_id=label + 1,
                    bbox=[left, top, right - left, bottom - top],
                    area=int(mask.sum()),
                    iscrowd=0,
                    segmentation=[polygon.ravel().tolist()]))
        images.append(
            dict(id=i, file_name=f'{i}.jpg', height=height, width=width))
        for split in ('train', 'val'):
            path = root / f'{split}2017/{i}.jpg'
            path.parent.mkdir(parents=True, exist_ok=True)
            assert cv2.imwrite(str(path), image)
    (root / 'annotations').mkdir()
    for split in ('train', 'val'):
        path = root / f'annotations/instances_{split}2017.json'
        path.write_text(
            json.dumps(
                dict(
                    images=images,
                    annotations=annotations,
                    categories=[
                        dict(id=index + 1, name=name)
                        for index, name in enumerate(classes)
                    ])))


def shrink(cfg: Config,
           root: Path,
           epochs: int = 1,
           width: int = WIDTH) -> None:
    """Make a detector narrow, its images small and its training short.

    Args:
        cfg (Config): One of ``configs/mmdet``, changed in place.
        root (Path): Of :func:`make_coco`.
        epochs (int): Epochs to train for. Defaults to 1.
        width (int): Channels of everything. Defaults to 16.
    """
    model = cfg.model
    model.backbone.update(
        arch=dict(
            embed_dims=width,
            num_layers=12,
            num_heads=2,
            feedforward_channels=2 * width),
        img_size=SIDE,
        window_size=3,
        init_cfg=None)
    model.neck.update(in_channels=width, out_channels=width)
    model.rpn_head.update(in_channels=width, feat_channels=width)
    roi_head = model.roi_head
    roi_head.bbox_roi_extractor.out_channels = width
    roi_head.bbox_head.update(
        in_channels=width, conv_out_channels=width, fc_out_channels=2 * width)
    if roi_head.mask_head is not None:
        roi_head.mask_roi_extractor.out_channels = width
        roi_head.mask_head.update(in_channels=width, conv_out_channels=width)
    model.train_cfg.rcnn.sampler.num = 32
    for stage in (model.train_cfg.rpn_proposal, model.test_cfg.rpn):
        stage.update(nms_pre=100, max_per_img=50)
    # Even what has learnt nothing is evaluated.
    model.test_cfg.rcnn.update(score_thr=0., max_per_img=20)
    model.data_preprocessor.pad_size_divisor = SIDE

    for loader in (cfg.train_dataloader, cfg.val_dataloader,
                   cfg.test_dataloader):
        loader.update(
            batch_size=IMAGES // 2, num_workers=0, persistent_workers=False)
        loader.dataset.update(
            data_root=str(root), serialize_data=False)  # it collects garbage
        for transform in loader.dataset.pipeline:
            for key in ('scale', 'crop_size'):
                if key in transform:
                    transform[key] = (SIDE, SIDE)
    for evaluator in (cfg.val_evaluator, cfg.test_evaluator):
        evaluator.ann_file = str(root / 'annotations/instances_val2017.json')
    cfg.auto_scale_lr = dict(base_batch_size=IMAGES // 2)
    cfg.train_cfg.update(max_epochs=epochs, val_interval=epochs)
    cfg.param_scheduler = None
    # mmengine's refuses a CPU; the tools of this project turn it off there.
    cfg.optim_wrapper.type = 'OptimWrapper'
    cfg.optim_wrapper.pop('dtype')
    cfg.default_hooks.logger.interval = 1
    cfg.log_level = 'WARNING'
    cfg.randomness = dict(seed=0)
