import numpy as np
import pytest
from mmengine.registry import TRANSFORMS

from mmdeit.datasets import point_operations

from .test_resize import picture

STRENGTHS = dict(
    Brightness=dict(magnitude_range=(0, 0.9)),
    Contrast=dict(magnitude_range=(0, 0.9)),
    Solarize=dict(magnitude_range=(256, 0)),
    SolarizeAdd=dict(magnitude_range=(0, 110)))


def images():
    rng = np.random.default_rng(0)
    dark = picture(37, 29, 3) // 3 + 40
    return [
        picture(64, 48, 3), picture(37, 29, 3)[:, ::-1], dark,
        dark[5:30, 4:20], np.full((8, 8, 3), 77, np.uint8),
        # few values in a channel, and one
        np.stack([rng.choice([3, 90, 91], (20, 20)), np.zeros((20, 20)),
                  rng.choice([0, 255], (20, 20))], -1).astype(np.uint8)]


@pytest.mark.parametrize('name', point_operations.__all__)
def test_mmpretrains_pixels(name):
    """All of them, after the same random numbers."""
    cfg = dict(STRENGTHS.get(name, {}), magnitude_std=2)
    ours, theirs = (
        TRANSFORMS.build(dict(cfg, type=f'{scope}.{name}'))
        for scope in ('mmdeit', 'mmpretrain'))
    changed = 0
    for img in images():
        for seed in range(20):
            pixels = []
            for operation in (ours, theirs):
                np.random.seed(seed)
                results = operation(dict(img=img.copy(), gt_label=3))
                assert results['gt_label'] == 3
                assert results['img'].dtype == np.uint8
                pixels.append(results['img'])
                pixels.append(np.random.rand())
            assert np.array_equal(pixels[0], pixels[2])
            assert pixels[1] == pixels[3]
            changed += not np.array_equal(pixels[0], img)
    assert changed > 20


def test_what_is_given_stays_as_it_is():
    """It may be the image of other views, too."""
    for name in point_operations.__all__:
        operation = TRANSFORMS.build(dict(
            STRENGTHS.get(name, {}), type=f'mmdeit.{name}', prob=1.))
        img = picture(20, 20, 3) // 2
        before = img.copy()
        operation(dict(img=img))
        assert (img == before).all()
    assert (point_operations.VALUES == range(256)).all()


@pytest.mark.parametrize('name', ['Brightness', 'Solarize', 'SolarizeAdd'])
def test_grey_images(name):
    cfg = dict(STRENGTHS[name], prob=1., random_negative_prob=0.)
    if name != 'Brightness':
        del cfg['random_negative_prob']
    ours, theirs = (
        TRANSFORMS.build(dict(cfg, type=f'{scope}.{name}'))(
            dict(img=picture(20, 30)))['img']
        for scope in ('mmdeit', 'mmpretrain'))
    assert ours.shape == (20, 30) and (ours == theirs).all()
