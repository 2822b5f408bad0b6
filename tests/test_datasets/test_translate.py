import cv2
import numpy as np
import pytest
from mmengine.registry import TRANSFORMS

from .test_resize import picture


def translated(scope, img, seed=0, **arguments):
    """By one of mmpretrain's policies; the pixels, and the next number."""
    np.random.seed(seed)
    transform = TRANSFORMS.build(dict(
        type=f'{scope}.Translate', magnitude_range=(0, 1.5), magnitude_level=5,
        magnitude_std='inf', **arguments))
    return transform(dict(img=img.copy()))['img'], np.random.rand()


@pytest.mark.parametrize('direction', ['horizontal', 'vertical'])
@pytest.mark.parametrize('channels, pad_val', [
    ((3, ), (104, 116, 124)), ((3, ), 128), ((), 128)])
def test_nearly_mmpretrains_pixels(channels, pad_val, direction):
    """OpenCV 4 rounds what is a part of a pixel to 32nds."""
    most = 6 if cv2.__version__ < '5' else 1
    img = picture(60, 50, *channels)
    for seed in range(40):
        (ours, number), (theirs, expected) = (
            translated(scope, img, seed, direction=direction, pad_val=pad_val,
                       interpolation='bicubic')
            for scope in ('mmdeit', 'mmpretrain'))
        assert number == expected and ours.shape == img.shape
        assert abs(ours.astype(int) - theirs).max() <= most


def test_whole_pixels():
    img = picture(8, 10, 3)
    transform = TRANSFORMS.build(dict(
        type='mmdeit.Translate', magnitude=0.3, prob=1., pad_val=7,
        random_negative_prob=0., interpolation='bicubic'))
    ours = transform(dict(img=img))['img']
    assert (ours[:, 3:] == img[:, :7]).all() and (ours[:, :3] == 7).all()


@pytest.mark.parametrize('interpolation', ['nearest', 'bilinear'])
def test_other_interpolations_are_mmpretrains(interpolation):
    img = picture(20, 30, 3)
    for seed in range(5):
        ours, theirs = (
            translated(scope, img, seed, interpolation=interpolation)[0]
            for scope in ('mmdeit', 'mmpretrain'))
        assert (ours == theirs).all()
