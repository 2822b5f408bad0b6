"""Sharpness with fewer copies of the image."""
import cv2
import numpy as np
from mmpretrain.datasets.transforms.auto_augment import Sharpness as _Sharpness

from mmdeit.registry import TRANSFORMS

# PIL.ImageFilter.SMOOTH
SMOOTH = np.array([[1., 1., 1.], [1., 5., 1.], [1., 1., 1.]]) / 13


@TRANSFORMS.register_module()
class Sharpness(_Sharpness):
    """mmpretrain's ``Sharpness``, with the same arguments, numbers and pixels.

    Its images are blended as bytes, not as copies of them in fp32.
    """

    def transform(self, results: dict) -> dict:
        """Move ``img`` away from a smoothed one, or to it."""
        if self.random_disable():
            return results
        factor = 1 + self.random_negative(
            self.random_magnitude() if self.magnitude is None
            else self.magnitude)
        img = results['img']
        smooth = cv2.filter2D(img, -1, SMOOTH)
        # mmcv cuts, where OpenCV's bytes would be rounded
        blended = cv2.addWeighted(
            img, factor, smooth, 1 - factor, 0, dtype=cv2.CV_32F)
        results['img'] = blended.clip(0, 255, out=blended).astype(img.dtype)
        return results
