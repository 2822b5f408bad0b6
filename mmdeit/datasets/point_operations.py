"""RandAugment's operations on single values, by look-up tables.

A byte has 256 values: what becomes of each is computed once, not for each
pixel. Pixels, arguments and random numbers are those of mmpretrain's operations
of the same names. Those that no table makes faster are left to mmpretrain:
``Invert``, ``Posterize``, and all that look at more than one value.
"""
import cv2
import numpy as np
from mmpretrain.datasets.transforms import auto_augment

from mmdeit.registry import TRANSFORMS

__all__ = [
    'AutoContrast', 'Brightness', 'Contrast', 'Equalize', 'Solarize',
    'SolarizeAdd'
]

VALUES = np.arange(256, dtype=np.uint8)


class _OfValues:
    """An operation that does the same to a value wherever it is."""

    def transform(self, results: dict) -> dict:
        """Apply the operation to all values, and look those of ``img`` up."""
        table = super().transform(dict(img=VALUES))['img']
        if table is not VALUES:
            results['img'] = look_up(results['img'], table)
        return results


@TRANSFORMS.register_module()
class Brightness(_OfValues, auto_augment.Brightness):
    """mmpretrain's ``Brightness``."""


@TRANSFORMS.register_module()
class Solarize(_OfValues, auto_augment.Solarize):
    """mmpretrain's ``Solarize``."""


@TRANSFORMS.register_module()
class SolarizeAdd(_OfValues, auto_augment.SolarizeAdd):
    """mmpretrain's ``SolarizeAdd``."""


@TRANSFORMS.register_module()
class AutoContrast(auto_augment.AutoContrast):
    """mmpretrain's ``AutoContrast``, of bytes ``(H, W, 3)``."""

    def transform(self, results: dict) -> dict:
        """Stretch the values of each channel to 0 to 255."""
        if not self.random_disable():
            img = results['img']
            results['img'] = look_up(
                img, *map(_contrast_table, count_values(img)))
        return results


@TRANSFORMS.register_module()
class Equalize(auto_augment.Equalize):
    """mmpretrain's ``Equalize``, of bytes ``(H, W, 3)``."""

    def transform(self, results: dict) -> dict:
        """Make the values of each channel about equally frequent."""
        if not self.random_disable():
            img = results['img']
            results['img'] = look_up(
                img, *map(_equalizing_table, count_values(img)))
        return results


@TRANSFORMS.register_module()
class Contrast(auto_augment.Contrast):
    """mmpretrain's ``Contrast``, of bytes ``(H, W, 3)`` in BGR."""

    def transform(self, results: dict) -> dict:
        """Move all values from the mean grey, or to it."""
        if self.random_disable():
            return results
        factor = 1 + self.random_negative(
            self.random_magnitude() if self.magnitude is None
            else self.magnitude)
        grey = cv2.cvtColor(results['img'], cv2.COLOR_BGR2GRAY)
        mean = np.full(256, round(grey.sum() / grey.size), np.float32)
        table = cv2.addWeighted(
            VALUES.astype(np.float32), factor, mean, 1 - factor, 0)
        results['img'] = look_up(results['img'], table.clip(0, 255))
        return results


def look_up(img: np.ndarray, *tables: np.ndarray) -> np.ndarray:
    """Replace the values of an image.

    Args:
        img (np.ndarray): Bytes, of shape ``(H, W, C)`` or ``(H, W)``.
        *tables (np.ndarray): For each of 256 values the new one, cut to a whole
            number; for all channels, or one for each.
    """
    table = np.stack([table.ravel() for table in tables], -1).astype(np.uint8)
    return cv2.LUT(img, table[None]).reshape(img.shape)


def count_values(img: np.ndarray) -> list[np.ndarray]:
    """How often each channel of bytes ``(H, W, C)`` has each of 256 values."""
    counts = [cv2.calcHist([img], [channel], None, [256], [0, 256])
              for channel in range(img.shape[2])]
    return [count.ravel().astype(int) for count in counts]


def _contrast_table(counts: np.ndarray) -> np.ndarray:
    """From black at the least value to white at the greatest."""
    low, high = np.flatnonzero(counts)[[0, -1]]
    if low == high:
        return VALUES
    scale = 255. / (high - low)
    return (VALUES * scale - low * scale).clip(0, 255)


def _equalizing_table(counts: np.ndarray) -> np.ndarray:
    """Each value by the share of pixels below it."""
    step = (counts.sum() - counts[counts > 0][-1]) // 255
    if step == 0:
        return VALUES
    below = np.append(0, (counts.cumsum()[:-1] + step // 2) // step)
    return below.clip(0, 255)
