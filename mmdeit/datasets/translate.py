"""Translation along an axis, for which the pixels of one row are enough."""
import math

import cv2
import numpy as np
from mmpretrain.datasets.transforms.auto_augment import Translate as _Translate

from mmdeit.registry import TRANSFORMS


@TRANSFORMS.register_module()
class Translate(_Translate):
    """mmpretrain's ``Translate``, several times as fast if it is bicubic.

    Arguments and random numbers are mmpretrain's. OpenCV's warp weighs 16
    pixels for a new one, of which a translation along an axis needs 4. Values
    differ by 1 from those of OpenCV 5, and by up to 6 from those of OpenCV 4,
    which rounds the offset to 32nds of a pixel.
    """

    def transform(self, results: dict) -> dict:
        """Translate ``img``, bytes of shape ``(H, W, C)`` or ``(H, W)``."""
        if self.interpolation != 'bicubic':
            return super().transform(results)
        if self.random_disable():
            return results
        magnitude = self.random_negative(
            self.random_magnitude() if self.magnitude is None
            else self.magnitude)
        axis = int(self.direction == 'horizontal')
        results['img'] = translate(
            results['img'], magnitude * results['img'].shape[axis], axis,
            self.pad_val)
        return results


def translate(img: np.ndarray, offset: float, axis: int,
              pad_val: int | tuple[int, ...]) -> np.ndarray:
    """Translate an image by an offset in pixels, by bicubic interpolation."""
    offset = -offset
    first = math.floor(offset) - 1  # of the 4 pixels for the first new one
    length = img.shape[axis]
    before, after = max(0, -first), max(0, first + 3)
    border = [(0, 0), (0, 0)]
    border[axis] = before, after
    padded = cv2.copyMakeBorder(
        img, *border[0], *border[1], cv2.BORDER_CONSTANT,
        value=np.broadcast_to(pad_val, img.shape[2:] or 1).tolist())
    part = [slice(None), slice(None)]
    part[axis] = slice(first + before, first + before + length + 3)
    kernel = np.expand_dims(cubic_weights(offset % 1), 1 - axis)
    translated = cv2.filter2D(padded[tuple(part)], -1, kernel, anchor=(0, 0))
    part[axis] = slice(length)
    return np.ascontiguousarray(translated[tuple(part)]).reshape(img.shape)


def cubic_weights(x: float) -> np.ndarray:
    """OpenCV's weights of the 4 pixels at -1, 0, 1 and 2 for one at ``x``."""
    a = -0.75
    distance = np.array([1 + x, x, 1 - x, 2 - x])
    near = ((a + 2) * distance - (a + 3)) * distance**2 + 1
    far = a * (((distance - 5) * distance + 8) * distance - 4)
    return np.where(distance < 1, near, far)
