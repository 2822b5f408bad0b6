import numpy as np
import pytest
from mmengine.registry import TRANSFORMS

from .test_resize import by_pillow, picture


def build(scope, **arguments):
    return TRANSFORMS.build(dict(
        type=f'{scope}.RandomResizedCrop', scale=(24, 32),
        interpolation='bicubic', **arguments))


def test_mmpretrains_crops():
    img = picture(100, 120, 3)
    ours, theirs = build('mmdeit', backend='torch'), build('mmpretrain')
    for seed in range(30):
        np.random.seed(seed)
        top, left, height, width = theirs.rand_crop_params(img)
        state = np.random.get_state()[1:3]
        np.random.seed(seed)
        results = ours(dict(img=img))
        assert np.array_equal(np.random.get_state()[1], state[0])
        assert np.random.get_state()[2] == state[1]
        expected = by_pillow(img[top:top + height, left:left + width],
                             (24, 32), 'bicubic')
        assert abs(results['img'].astype(int) - expected).max() <= 2
        assert results['img_shape'] == (24, 32, 3)


@pytest.mark.parametrize('backend', ['cv2', 'pillow'])
def test_other_backends_are_mmpretrains(backend):
    pixels = []
    for scope in ('mmdeit', 'mmpretrain'):
        np.random.seed(0)
        pixels.append(build(scope, backend=backend)(
            dict(img=picture(100, 120, 3)))['img'])
    assert (pixels[0] == pixels[1]).all()
