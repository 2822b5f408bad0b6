import numpy as np
import pytest
from mmengine.registry import TRANSFORMS

from .test_resize import picture


@pytest.mark.parametrize('img', [
    picture(60, 50, 3), picture(37, 29, 3)[:, ::-1], picture(37, 29),
    np.full((9, 9, 3), 77, np.uint8)])
def test_mmpretrains_pixels(img):
    """All of them, after the same random numbers."""
    for seed in range(40):
        seen = []
        for scope in ('mmdeit', 'mmpretrain'):
            np.random.seed(seed)
            transform = TRANSFORMS.build(dict(
                type=f'{scope}.Sharpness', magnitude_range=(0, 0.9)))
            transform.magnitude_std = 'inf'
            seen += [transform(dict(img=img.copy()))['img'], np.random.rand()]
        assert np.array_equal(seen[0], seen[2]) and seen[1] == seen[3]
