import pytest
import torch
from mmengine.registry import MODELS
from torch import nn

from mmdeit.teachers import StudentSpec


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
    with pytest.raises(ValueError, match='^Student does not say how many class'
                       'es it has: set num_classes in its head or its data_pr'):
        StudentSpec.of(student)


def test_of_a_student_without_any_settings():
    student = Student()
    student.data_preprocessor = torch.nn.Identity()
    assert StudentSpec.of(student) == StudentSpec(3)
