import numpy as np
import pytest
import torch
from mmengine.registry import MODELS
from mmpretrain.models.utils.batch_augments import Mixup
from torch import nn

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


@pytest.mark.parametrize('mean, std, message', [
    ([1.] * 3, [1., 0., 1.], r'std=\[1.0, 0.0, 1.0\] .* std > 0'),
    ([1.] * 3, [1., 1., -1.], 'std > 0'),
    ([1.] * 2, [1.] * 3, r'mean=\[1.0, 1.0\] .* 3 channels: give a number for'),
    ([1.] * 4, [1.] * 4, 'images of 3 channels: give a number for each'),
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


class Student(nn.Module):

    def __init__(self, **preprocessor):
        super().__init__()
        self.data_preprocessor = MODELS.build(
            dict(type='ClsDataPreprocessor', **preprocessor))
        self.head = nn.Module()
        self.head.num_classes = 3


def test_is_read_off_the_data_preprocessor():
    student = Student(mean=[1., 2., 3.], std=[4., 5., 6.], to_rgb=True)
    spec = StudentSpec.of(student, ('a', 'b', 'c'))
    assert spec == StudentSpec(
        3, (1., 2., 3.), (4., 5., 6.), True, ('a', 'b', 'c'))


def test_of_a_grey_student():
    spec = StudentSpec.of(Student(mean=[128], std=[64]))
    assert spec == StudentSpec(3, (128, ), (64, ))


def test_of_a_student_that_does_not_normalise():
    spec = StudentSpec.of(Student())
    assert spec == StudentSpec(3, (0., ), (1., ), False, None)


def test_of_a_student_without_a_head():
    student = Student(num_classes=5)
    del student.head
    assert StudentSpec.of(student).num_classes == 5
    student.data_preprocessor = torch.nn.Identity()
    with pytest.raises(ValueError, match='the student does not say its num_cla'
                       'sses: set it in its head or its data_preprocessor'):
        StudentSpec.of(student)


def test_of_a_student_without_any_settings():
    student = Student()
    student.data_preprocessor = torch.nn.Identity()
    assert StudentSpec.of(student) == StudentSpec(3)
