import mmcv
import numpy as np
import pytest

from mmdeit.datasets.resize import resize


def by_pillow(img, size, interpolation):
    """Columns first, as Pillow does up to version 12 for any image."""
    for height, width in ((img.shape[0], size[1]), size):
        img = mmcv.imresize(img, (width, height), interpolation=interpolation,
                            backend='pillow')
    return img


def picture(height, width, *channels):
    """Edges of any strength, which antialiasing blurs and bicubic raises."""
    rng = np.random.default_rng(0)
    return rng.integers(256, size=(height, width, *channels), dtype=np.uint8)


@pytest.mark.parametrize('interpolation', ['bicubic', 'bilinear'])
@pytest.mark.parametrize('shape, size', [
    ((375, 500, 3), (224, 224)),  # to less
    ((90, 70, 3), (224, 224)),  # to more
    ((300, 200, 3), (256, 384)),
    ((60, 40, 1), (30, 50)),
    ((60, 40), (30, 50)),
    ((1, 1, 3), (8, 8)),
    ((224, 224, 3), (224, 224)),
])
def test_pillows_pixels(shape, size, interpolation):
    img = picture(*shape)
    ours = resize(img, size, interpolation)
    assert ours.shape == (*size, *shape[2:]) and ours.dtype == np.uint8
    assert ours.flags.c_contiguous
    if shape[2:] == (1, ):  # which Pillow has no shape for
        img, ours = img[..., 0], ours[..., 0]
    expected = by_pillow(img, size, interpolation)
    difference = abs(ours.astype(int) - expected)
    assert difference.max() <= 2 and difference.mean() < 0.05


@pytest.mark.parametrize('part', [
    np.s_[20:90, 5:70], np.s_[:, ::-1], np.s_[..., ::-1], np.s_[::2, ::3]])
def test_a_part_is_resized_as_its_copy(part):
    img = picture(100, 80, 3)
    before = img.copy()
    ours = resize(img[part], (32, 48), 'bicubic')
    assert (ours == resize(img[part].copy(), (32, 48), 'bicubic')).all()
    assert (img == before).all()
