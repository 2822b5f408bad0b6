"""Where an image is erased; the data preprocessor does it."""
import math

import numpy as np
from mmcv.transforms import BaseTransform
from mmcv.transforms.utils import cache_randomness

from mmdeit.registry import TRANSFORMS


@TRANSFORMS.register_module()
class RandomErasing(BaseTransform):
    """Chooses a box to erase (arXiv 1708.04896), as timm's ``RandomErasing``.

    The official code erases normalised images, by normal noise for each pixel.
    So the box, and the noise, are chosen here, as the last step before
    :class:`mmdeit.datasets.PackInputs`, and filled in by
    :class:`mmdeit.models.ClsDataPreprocessor`. (mmpretrain's transform fills
    it with bytes, which cut the noise off.)

    Args:
        erase_prob (float): Probability to erase. Defaults to 0.25.
        min_area_ratio (float): Of the image's area. Defaults to 0.02.
        max_area_ratio (float): Of the image's area. Defaults to 1/3.
        aspect_range (tuple[float, float]): Height over width of the box, drawn
            log-uniformly. Defaults to ``(3 / 10, 10 / 3)``.
    """

    def __init__(self,
                 erase_prob: float = 0.25,
                 min_area_ratio: float = 0.02,
                 max_area_ratio: float = 1 / 3,
                 aspect_range: tuple[float, float] = (3 / 10, 10 / 3)) -> None:
        self.erase_prob = erase_prob
        self.area_range = min_area_ratio, max_area_ratio
        self.log_aspect_range = tuple(map(math.log, aspect_range))

    @cache_randomness
    def random_box(self, height: int, width: int) -> tuple[int, int, int, int]:
        """Draw top, left, bottom and right of a box; mostly an empty one.

        Bottom and right are exclusive.
        """
        if np.random.rand() >= self.erase_prob:
            return 0, 0, 0, 0
        for _ in range(10):
            area = np.random.uniform(*self.area_range) * height * width
            aspect = math.exp(np.random.uniform(*self.log_aspect_range))
            h = round(math.sqrt(area * aspect))
            w = round(math.sqrt(area / aspect))
            if h < height and w < width:
                top = np.random.randint(height - h + 1)
                left = np.random.randint(width - w + 1)
                return top, left, top + h, left + w
        return 0, 0, 0, 0

    def transform(self, results: dict) -> dict:
        """Add ``erased``: the box and a number that chooses its noise."""
        results['erased'] = (*self.random_box(*results['img'].shape[:2]),
                             np.random.randint(2**31))
        return results
