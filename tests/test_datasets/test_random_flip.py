import numpy as np
import pytest
from mmengine.registry import TRANSFORMS

from .test_resize import picture


@pytest.mark.parametrize('img', [
    picture(30, 40, 3), picture(30, 40), picture(30, 40, 3)[..., ::-1]])
@pytest.mark.parametrize('arguments', [
    dict(prob=0.5),
    dict(prob=[0.2, 0.3, 0.4],
         direction=['horizontal', 'vertical', 'diagonal'])])
def test_mmcvs_flips(arguments, img):
    flipped = set()
    for seed in range(20):
        ours, theirs = [], []
        for scope, seen in (('mmdeit', ours), ('mmcv', theirs)):
            np.random.seed(seed)
            transform = TRANSFORMS.build(
                dict(type=f'{scope}.RandomFlip', **arguments))
            seen += transform(dict(
                img=img, gt_bboxes=np.array([[1, 2, 3, 4]]))).items()
            seen.append(('next', np.random.rand()))
        for (key, value), (name, expected) in zip(ours, theirs):
            assert key == name and np.array_equal(value, expected)
        flipped.add(dict(ours)['flip_direction'])
    assert len(flipped) == 1 + np.size(arguments['prob'])


def test_it_lies_as_it_is_read():
    flip = TRANSFORMS.build(dict(type='mmdeit.RandomFlip', prob=1.))
    assert flip(dict(img=picture(30, 40, 3)))['img'].flags.c_contiguous
