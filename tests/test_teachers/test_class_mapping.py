import pytest

from mmdeit.teachers.class_mapping import class_indices

STUDENT = ('cat', 'dog')
TEACHER = ('dog', 'crane', 'cat', 'crane')


@pytest.mark.parametrize('mapping, expected', [
    ([2, 0], [2, 0]),
    (['cat', 'dog'], [2, 0]),
    ([1, 'dog'], [1, 0]),
    (('dog', 'cat'), [0, 2]),
    ('name', [2, 0]),
])
def test_by_index_and_by_name(mapping, expected):
    assert class_indices(mapping, 2, STUDENT, TEACHER) == expected


def test_by_index_needs_no_names():
    assert class_indices([5, 3], 2) == [5, 3]


@pytest.mark.parametrize('mapping, student, teacher, message', [
    ('index', STUDENT, TEACHER, "5 entries for 2 classes: .* or write 'name'"),
    ([0, None], None, None, "None names 0 of the teacher's 0 class_names"),
    ([0., 1.], None, None, '0.0 names 0 of'),
    ('name', None, TEACHER, r'has 0 entries .* \(metainfo=dict\(classes='),
    ('name', STUDENT, None, "'cat' names 0 .* 0 class_names .* set class_n"),
    ('name', ('cat', 'cow'), TEACHER,
     r"'cow' names 0 of the teacher's 4 class_names"),
    ('name', ('cat', 'dog', 'cow'), TEACHER, 'has 3 entries for 2 classes'),
    ([0], None, None, "1 entries for 2 classes: list the teacher's class for"),
    ([0, 1, 2], None, None, 'has 3 entries for 2 classes'),
    ([], None, None, 'has 0 entries'),
    ([1, 1], None, None, "uses the teacher's class 1 2 times"),
    (['cat', 2], STUDENT, TEACHER, "uses the teacher's class 2 2 times"),
    (['dog', 'crane'], STUDENT, TEACHER,
     "'crane' names 2 of the teacher's 4 class_names .* or map by index"),
])
def test_bad_input(mapping, student, teacher, message):
    with pytest.raises(ValueError, match=message) as error:
        class_indices(mapping, 2, student, teacher)
    assert '\n' not in str(error.value)
