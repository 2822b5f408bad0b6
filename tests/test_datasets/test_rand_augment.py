import numpy as np
import pytest
from mmengine.registry import TRANSFORMS

from mmdeit.datasets import Translate, point_operations
from mmdeit.datasets.rand_augment import FASTER

from .test_resize import picture

CFG = dict(
    policies='timm_increasing', num_policies=2, magnitude_level=9,
    magnitude_std=0.5, hparams=dict(pad_val=[104, 116, 124]))


def build(scope, **arguments):
    return TRANSFORMS.build(
        dict(CFG, type=f'{scope}.RandAugment', **arguments))


def test_mmpretrains_pixels():
    """All of them, whatever is drawn, but after a translation."""
    ours, theirs = build('mmdeit'), build('mmpretrain')
    img = picture(32, 40, 3)
    for seed in range(300):
        seen = []
        for transform in (ours, theirs):
            np.random.seed(seed)
            seen += [transform(dict(img=img.copy()))['img'], np.random.rand()]
        assert seen[1] == seen[3]
        if not translates(ours, seed):
            assert np.array_equal(seen[0], seen[2])


def translates(transform, seed):
    np.random.seed(seed)
    return any(isinstance(transform.transforms[i], Translate)
               for i in transform.random_policy_indices())


def test_every_faster_operation_is_taken():
    ours, theirs = build('mmdeit'), build('mmpretrain')
    faster = {type(operation).__name__ for operation in ours
              if type(operation).__module__.startswith('mmdeit.')}
    assert faster == FASTER
    for operation, other in zip(ours, theirs):
        assert vars(operation) == vars(other)
    assert repr(ours) == repr(theirs)


def test_a_scope_is_kept():
    transform = build('mmdeit', policies=[
        dict(type='mmpretrain.Equalize'), dict(type='Equalize')])
    exact, faster = transform.transforms
    assert type(exact).__module__.startswith('mmpretrain.')
    assert isinstance(faster, point_operations.Equalize)


def test_policies_of_no_name():
    with pytest.raises(AssertionError, match='timm_increasing'):
        build('mmdeit', policies='nonesuch')
