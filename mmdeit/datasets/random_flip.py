"""A random flip, whose image lies in memory as it is read."""
import numpy as np
import torch
from mmcv.transforms import RandomFlip as _RandomFlip
from mmcv.transforms.utils import cache_randomness

from mmdeit.registry import TRANSFORMS


@TRANSFORMS.register_module()
class RandomFlip(_RandomFlip):
    """mmcv's ``RandomFlip``, with the same arguments, numbers and pixels.

    mmcv's image is a view that runs backwards, and OpenCV copies it slowly in
    each operation that follows.
    """

    @cache_randomness
    def _choose_direction(self) -> str | None:
        if isinstance(self.direction, str) and isinstance(self.prob, float):
            # as np.random.choice does it, at a fifth of its cost
            return self.direction if np.random.rand() < self.prob else None
        return super()._choose_direction()

    def _flip(self, results: dict) -> None:
        img = results['img']
        super()._flip(results)
        if results['flip_direction'] == 'horizontal':
            pixels = torch.from_numpy(np.ascontiguousarray(img))
            results['img'] = pixels.flip(1).numpy()
