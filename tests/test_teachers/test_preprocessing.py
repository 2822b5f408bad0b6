import numpy as np
import pytest
import torch
from mmpretrain.models.utils.batch_augments import Mixup

from mmdeit.teachers import Preprocessing, StudentSpec

SPEC = StudentSpec(2, mean=(10., 20., 30.), std=(2., 4., 5.))
IMAGES = torch.tensor([[1., 2., 3.], [0., -1., 1.]])[..., None, None].expand(
    2, 3, 4, 4)


def test_the_same_is_the_very_same_tensor():
    same = Preprocessing(SPEC, mean=[10, 20, 30], std=[2, 4, 5], to_rgb=False)
    assert same(IMAGES) is IMAGES


def test_the_same_as_a_data_preprocessor_rounds_it():
    mean = (123.675, 116.28, 103.53)
    rounded = torch.tensor(mean).tolist()
    assert rounded != list(mean)
    spec = StudentSpec(2, rounded, rounded)
    same = Preprocessing(spec, mean, mean, to_rgb=False)
    assert same(IMAGES) is IMAGES


def test_other_mean_and_std_by_hand():
    other = Preprocessing(SPEC, [12., 20., 25.], [4., 2., 10.], to_rgb=False)
    # The first image was 12, 28, 45; the second 10, 16, 35.
    expected = torch.tensor([[0., 4., 2.], [-0.5, -2., 1.]])
    assert torch.equal(other(IMAGES)[:, :, 0, 0], expected)


def test_other_channel_order_by_hand():
    other = Preprocessing(SPEC, [40., 28., 11.], [5., 4., 1.], to_rgb=True)
    # Reversed: 45, 28, 12 and 35, 16, 10
    expected = torch.tensor([[1., 0., 1.], [-1., -3., -1.]])
    assert torch.allclose(other(IMAGES)[:, :, 0, 0], expected, atol=1e-6)


def test_a_student_in_rgb_and_a_teacher_in_bgr():
    rgb = StudentSpec(2, (30., 20., 10.), (5., 4., 2.), to_rgb=True)
    back = Preprocessing(rgb, SPEC.mean, SPEC.std, to_rgb=False)
    assert torch.equal(back(IMAGES.flip(1)), IMAGES)


@pytest.mark.parametrize('size, expected', [(8, (8, 8)), ((6, 10), (6, 10)),
                                            (None, (4, 4))])
def test_resizes(size, expected):
    resize = Preprocessing(SPEC, SPEC.mean, SPEC.std, False, input_size=size)
    out = resize(IMAGES)
    assert out.shape == (2, 3, *expected)
    assert torch.allclose(out[:, :, 2, 2], IMAGES[:, :, 2, 2], atol=1e-6)


def test_what_is_too_fine_for_a_smaller_size_vanishes():
    """Without antialiasing every third column would stay as it is."""
    resize = Preprocessing(SPEC, SPEC.mean, SPEC.std, False, input_size=4)
    stripes = torch.tensor([1., -1.]).repeat(6).expand(1, 3, 12, 12)
    assert resize(stripes).abs().max() < 0.5


@pytest.mark.parametrize('size', [0, -4, 'large', (4, 0), (4, 4, 4), 2.5])
def test_a_size_that_is_none(size):
    with pytest.raises(ValueError, match='input_size is .*: give a number of'):
        Preprocessing(SPEC, SPEC.mean, SPEC.std, False, input_size=size)


@pytest.mark.parametrize('mean, std, message', [
    ([1.] * 3, [1., 0., 1.], r'std is \[1.0, 0.0, 1.0\]: give numbers above 0'),
    ([1.] * 3, [1., 1., -1.], 'give numbers above 0'),
    ([1.] * 2, [1.] * 3, '2 numbers of mean and 3 of std, but .* 3 channels'),
    ([1.] * 4, [1.] * 4, '4 numbers of mean and 4 of std, but .* 3 channels'),
    (['a'], [1.], r"mean or std is \['a'\]: give a number for each channel"),
    (None, [1.], 'mean or std is None: give a number for each channel'),
])
def test_a_normalisation_that_is_none(mean, std, message):
    with pytest.raises(ValueError, match=message) as error:
        Preprocessing(SPEC, mean, std, False)
    assert '\n' not in str(error.value)


def test_its_own_size_is_left_alone():
    resize = Preprocessing(SPEC, SPEC.mean, SPEC.std, False, input_size=4)
    assert resize(IMAGES) is IMAGES


@pytest.mark.parametrize('mean', [(128., ), (0., )])
def test_grey_images_for_a_teacher_in_colour(mean):
    """Also where nothing else is to be done."""
    grey = StudentSpec(2, mean, (64., ))
    colour = Preprocessing(grey, [128.] * 3, [64.] * 3, to_rgb=True)
    images = torch.randn(2, 1, 4, 4)
    out = colour(images)
    assert out.shape == (2, 3, 4, 4)
    assert torch.allclose(out, images + (mean[0] - 128) / 64, atol=1e-6)


def test_a_student_that_does_not_normalise():
    out = Preprocessing(StudentSpec(2), [10., 20., 30.], [2., 4., 5.], False)(
        torch.full((1, 3, 4, 4), 20.))
    assert out[0, :, 0, 0].tolist() == [5., 0., -2.]


def test_commutes_with_mixup():
    """Mixing what the teacher wants is what it gets of the mixed images."""
    images = 255 * torch.rand(4, 3, 8, 8)
    mean, std = (torch.tensor(v)[:, None, None] for v in (SPEC.mean, SPEC.std))
    seen = (images - mean) / std
    teachers = Preprocessing(
        SPEC, [120., 110., 100.], [60., 50., 40.], True, input_size=12)
    mixed = []
    for batch in (seen, teachers(seen)):
        torch.manual_seed(0)
        np.random.seed(0)
        mixed.append(Mixup(alpha=0.8).mix(batch, torch.eye(4))[0])
    assert torch.allclose(teachers(mixed[0]), mixed[1], atol=1e-5)
    assert not torch.allclose(mixed[1], teachers(seen), atol=0.1)


def test_changes_some_arguments_only():
    other = Preprocessing(SPEC, SPEC.mean, SPEC.std, False, input_size=8)
    flipped = other.replace(to_rgb=True)
    assert flipped.arguments == {**other.arguments, 'to_rgb': True}
    assert not other.flip and flipped.flip
