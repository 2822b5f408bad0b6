"""A data set in ADE20K's layout, and the segmentors made small for it."""
from pathlib import Path

import cv2
import numpy as np
from mmengine.config import Config

from .photographs import photographs

# two configs for all that does not depend on the size
UPERNET, LINEAR = (f'{head}_deit-tiny-distilled_ade20k-512'
                   for head in ('upernet', 'linear'))
IMAGES = 4
CROP = 64  # instead of 512
WIDTH = 16


def make_ade(root: Path) -> None:
    """Write a quarter of each photograph's size, the same for both splits.

    The annotation is 1 beside the mask, 2 to 4 in it, and 0, which is no class,
    in the four rows at the bottom.

    Args:
        root (Path): Folder to write to.
    """
    for i, (image, mask, label) in enumerate(photographs(IMAGES)):
        annotation = np.where(mask, 2 + label, 1).astype(np.uint8)
        size = (image.shape[1] // 4, image.shape[0] // 4)
        image = cv2.resize(image, size, interpolation=cv2.INTER_AREA)
        annotation = cv2.resize(
            annotation, size, interpolation=cv2.INTER_NEAREST)
        annotation[-4:] = 0
        for split in ('training', 'validation'):
            for folder, suffix, array in (('images', 'jpg', image),
                                          ('annotations', 'png', annotation)):
                path = root / folder / split / f'{i}.{suffix}'
                path.parent.mkdir(parents=True, exist_ok=True)
                assert cv2.imwrite(str(path), array)


def shrink(cfg: Config, root: Path, iters: int = 2) -> None:
    """Make a segmentor narrow, its images small and its training short.

    Args:
        cfg (Config): One of ``configs/mmseg``, changed in place.
        root (Path): Of :func:`make_ade`.
        iters (int): Iterations to train for. Defaults to 2.
    """
    model = cfg.model
    model.backbone.update(
        arch=dict(
            embed_dims=WIDTH,
            num_layers=12,
            num_heads=2,
            feedforward_channels=4 * WIDTH),
        img_size=CROP,
        init_cfg=None)
    model.data_preprocessor.size = (CROP, CROP)
    if 'neck' in model:
        model.neck.update(in_channels=[WIDTH] * 4, out_channels=WIDTH)
        model.decode_head.update(in_channels=[WIDTH] * 4, channels=WIDTH)
        model.auxiliary_head.update(in_channels=WIDTH, channels=WIDTH)
    else:
        model.decode_head.update(in_channels=WIDTH, channels=WIDTH)
        model.test_cfg.update(crop_size=(CROP, CROP), stride=(60, 60))

    for loader in (cfg.train_dataloader, cfg.val_dataloader,
                   cfg.test_dataloader):
        loader.update(num_workers=0, persistent_workers=False)
        loader.dataset.data_root = str(root)
        for transform in loader.dataset.pipeline:
            if 'scale' in transform:
                transform.scale = (4 * CROP, CROP)
            if 'crop_size' in transform:
                transform.crop_size = (CROP, CROP)
    cfg.test_pipeline = cfg.test_dataloader.dataset.pipeline  # of mmseg.apis
    cfg.auto_scale_lr = dict(base_batch_size=cfg.train_dataloader.batch_size)
    cfg.train_cfg.update(max_iters=iters, val_interval=iters)
    cfg.param_scheduler = None
    cfg.default_hooks.logger.interval = 1
    cfg.default_hooks.checkpoint.interval = iters
    cfg.log_level = 'WARNING'
    cfg.randomness = dict(seed=0)
