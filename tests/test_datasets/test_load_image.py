import cv2
import numpy as np
import pytest
from mmcv.transforms import LoadImageFromFile as _LoadImageFromFile
from mmengine.registry import TRANSFORMS
from PIL import Image


@pytest.fixture
def load():
    return TRANSFORMS.build(dict(type='mmdeit.LoadImageFromFile'))


def test_loads_what_mmcv_does(load, tmp_path):
    path = str(tmp_path / 'image.jpg')
    cv2.imwrite(path, np.arange(300, dtype=np.uint8).reshape(10, 10, 3))
    ours = load(dict(img_path=path))
    theirs = _LoadImageFromFile()(dict(img_path=path))
    assert np.array_equal(ours['img'], theirs['img'])
    assert ours['img_shape'] == (10, 10)


def test_leaves_an_image_as_it_is_stored(load, tmp_path):
    """As PIL and so the official code; mmcv's loader turns it."""
    image = Image.fromarray(np.zeros((10, 20, 3), np.uint8))
    exif = image.getexif()
    exif[0x0112] = 6  # orientation: a quarter of a turn
    image.save(tmp_path / 'image.jpg', exif=exif)
    img = load(dict(img_path=str(tmp_path / 'image.jpg')))['img']
    assert img.shape == (10, 20, 3)


@pytest.mark.parametrize('content', [b'', b'no image', b'\xff\xd8\xff\xe0'])
def test_unreadable_image_names_its_file(load, tmp_path, content):
    path = tmp_path / 'broken.jpg'
    path.write_bytes(content)
    with pytest.raises(ValueError, match='cannot read the image .*broken.jpg'):
        load(dict(img_path=str(path)))


def test_missing_image_names_its_file(load, tmp_path):
    with pytest.raises(ValueError, match='nowhere.jpg: replace or remove'):
        load(dict(img_path=str(tmp_path / 'nowhere.jpg')))
