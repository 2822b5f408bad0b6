"""Numbers made by rule, so that no weights and no images are stored.

Each tensor is drawn from a generator seeded by its own name. Uniform draws of
``RandomState`` are the same bits on every machine and numpy; normal ones pass
through the machine's logarithm.
"""
import math
import zlib
from typing import Sequence

import numpy as np
import torch
from torch import Tensor


def draw(name: str, *shape: int) -> Tensor:
    """Uniform numbers in [-1, 1), seeded by the CRC-32 of ``name``."""
    seed = zlib.crc32(name.encode())
    numbers = np.random.RandomState(seed).uniform(-1, 1, shape)
    return torch.from_numpy(numbers.astype(np.float32))


def weight(key: str, shape: Sequence[int]) -> Tensor:
    """A parameter, by its official name.

    Matrices keep the variance of what they multiply, so that all layers and
    the attention between tokens show in the logits. What is embedded is ten
    times smaller, so that the epsilon of the first LayerNorm shows too.
    """
    numbers = draw(key, *shape)
    if 'token' in key or key == 'pos_embed':
        return numbers / 10
    if len(shape) > 1:
        numbers = numbers * math.sqrt(3 / math.prod(shape[1:]))
        return numbers / 10 if key.startswith('patch_embed') else numbers
    if 'norm' in key and key.endswith('weight'):
        return 1 + numbers / 10
    return numbers / 10


def images(name: str, batch: int, size: int) -> Tensor:
    """Normalised images, ``(batch, 3, size, size)`` in [-2, 2)."""
    return 2 * draw(name, batch, 3, size, size)


def teacher_logits(name: str, batch: int, num_classes: int) -> Tensor:
    """A teacher's fixed answer, ``(batch, num_classes)`` in [-3, 3)."""
    return 3 * draw(name, batch, num_classes)


def photograph(name: str) -> np.ndarray:
    """RGB image of shape (64, 64, 3), uint8: large shapes and some grain.

    Shapes are bilinear between 5 x 5 colours, so that bicubic interpolations
    that differ in detail still see nearly the same.
    """
    colours = 128 + 80 * draw(name, 5, 5, 3).double().numpy()
    at = np.linspace(0, 4, 64)  # in units of the grid
    left = np.minimum(at.astype(int), 3)
    share = (at - left)[:, None, None]
    rows = (1 - share) * colours[left] + share * colours[left + 1]
    share = share[:, 0]
    image = (1 - share) * rows[:, left] + share * rows[:, left + 1]
    image += 40 * draw(f'{name} grain', 64, 64, 3).double().numpy()
    return image.round().astype(np.uint8)


def blocks(image: np.ndarray) -> np.ndarray:
    """Means of 4 x 4 blocks of an RGB image, then deviations of its channels.

    Shape (51, ).
    """
    image = image.astype(float)
    tiles = image.reshape(4, image.shape[0] // 4, 4, -1, 3)
    return np.append(tiles.mean(axis=(1, 3)), image.std(axis=(0, 1)))
