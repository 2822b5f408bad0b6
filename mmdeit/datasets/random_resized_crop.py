"""A random crop, resized without Pillow."""
from mmpretrain.datasets import RandomResizedCrop as _RandomResizedCrop

from mmdeit.registry import TRANSFORMS

from .resize import resize


@TRANSFORMS.register_module()
class RandomResizedCrop(_RandomResizedCrop):
    """mmpretrain's ``RandomResizedCrop``, with one more backend.

    Arguments and random numbers are mmpretrain's. ``backend='torch'``
    interpolates by :func:`mmdeit.datasets.resize.resize`, ``'bicubic'`` or
    ``'bilinear'``; the other backends are mmpretrain's own.
    """

    def transform(self, results: dict) -> dict:
        """Crop and resize ``img``, and set ``img_shape``."""
        if self.backend != 'torch':
            return super().transform(results)
        img = results['img']
        top, left, height, width = self.rand_crop_params(img)
        img = resize(img[top:top + height, left:left + width],
                     tuple(self.scale), self.interpolation)
        results.update(img=img, img_shape=img.shape)
        return results
