"""Small pictures in folders of classes, augmented as in the recipe."""
from pathlib import Path

import numpy as np
from PIL import Image

SIZE = 16  # of a view
NAMES = ('a', 'b', 'c', 'd')


def write_pictures(folder: Path, number: int) -> Path:
    """Write JPEGs of several sizes, shared out to four classes."""
    rng = np.random.default_rng(0)
    for i in range(number):
        height, width = rng.integers(SIZE, 2 * SIZE, 2)
        pixels = rng.integers(256, size=(height // 4, width // 4, 3))
        path = folder / NAMES[i % 4] / f'{i}.jpg'
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(pixels.astype(np.uint8)).resize(
            (int(width), int(height))).save(path)
    return folder


def augmented(folder: Path, **others) -> dict:
    """A dataset with all that is random in the recipe's pipeline."""
    return dict(
        type='mmdeit.CustomDataset',
        data_prefix=str(folder),
        pipeline=[
            dict(type='mmdeit.LoadImageFromFile'),
            dict(
                type='mmdeit.RandomResizedCrop',
                scale=SIZE,
                backend='torch',
                interpolation='bicubic'),
            dict(
                type='mmdeit.RandomFlip', prob=0.5, direction='horizontal'),
            dict(
                type='mmdeit.RandAugment',
                policies='timm_increasing',
                num_policies=2,
                total_level=10,
                magnitude_level=9,
                magnitude_std=0.5),
            dict(type='mmdeit.RandomErasing', erase_prob=0.5),
            dict(type='mmdeit.PackInputs'),
        ],
        **others)
