"""Resizing to the length of an edge without Pillow."""
from mmpretrain.datasets import ResizeEdge as _ResizeEdge

from mmdeit.registry import TRANSFORMS

from .resize import resize


@TRANSFORMS.register_module()
class ResizeEdge(_ResizeEdge):
    """mmpretrain's ``ResizeEdge``, with one more backend.

    Arguments and keys are mmpretrain's. ``backend='torch'`` interpolates by
    :func:`mmdeit.datasets.resize.resize`, ``'bicubic'`` or ``'bilinear'``; the
    other backends are mmpretrain's own.
    """

    def _resize_img(self, results: dict) -> None:
        if self.backend != 'torch':
            super()._resize_img(results)
            return
        img, (width, height) = results['img'], results['scale']
        results.update(
            img=resize(img, (height, width), self.interpolation),
            img_shape=(height, width),
            scale_factor=(width / img.shape[1], height / img.shape[0]))
