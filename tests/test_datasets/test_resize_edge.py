import pytest
from mmengine.registry import TRANSFORMS

from .test_resize import by_pillow, picture


def build(scope, **arguments):
    return TRANSFORMS.build(dict(
        type=f'{scope}.ResizeEdge', scale=64, interpolation='bicubic',
        **arguments))


@pytest.mark.parametrize('edge', ['short', 'long', 'width', 'height'])
@pytest.mark.parametrize('shape', [(100, 130, 3), (130, 100, 3)])
def test_mmpretrains_edges(shape, edge):
    img = picture(*shape)
    ours, theirs = (
        build(scope, edge=edge, backend=backend)(dict(img=img))
        for scope, backend in (('mmdeit', 'torch'), ('mmpretrain', 'pillow')))
    pixels, size = ours.pop('img'), theirs.pop('img').shape[:2]
    assert ours == theirs
    expected = by_pillow(img, size, 'bicubic')
    assert abs(pixels.astype(int) - expected).max() <= 2


@pytest.mark.parametrize('backend', ['cv2', 'pillow'])
def test_other_backends_are_mmpretrains(backend):
    ours, theirs = (
        build(scope, backend=backend)(dict(img=picture(100, 130, 3)))['img']
        for scope in ('mmdeit', 'mmpretrain'))
    assert (ours == theirs).all()
