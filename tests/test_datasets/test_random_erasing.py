import numpy as np

from mmdeit.datasets import RandomErasing


def test_chooses_a_box_and_leaves_the_image():
    image = np.ones((20, 30, 3), np.uint8)
    np.random.seed(0)
    for _ in range(50):
        results = RandomErasing(erase_prob=1.)(dict(img=image))
        top, left, bottom, right, number = results['erased']
        assert 0 <= top < bottom <= 20 and 0 <= left < right <= 30
        assert 0 <= number < 2**31
        assert 0.01 < (bottom - top) * (right - left) / 600 < 0.37
    assert image.all()


def test_most_images_get_an_empty_box():
    results = RandomErasing(erase_prob=0.)(dict(img=np.ones((8, 8, 3))))
    assert results['erased'][:4] == (0, 0, 0, 0)


def test_what_never_fits_erases_nothing():
    transform = RandomErasing(1., min_area_ratio=2., max_area_ratio=3.)
    assert transform.random_box(10, 10) == (0, 0, 0, 0)
