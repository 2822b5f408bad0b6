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
    ('index', STUDENT, TEACHER, "class_mapping is 'index': write 'name', or"),
    (5, STUDENT, TEACHER, "class_mapping is 5: write 'name', or a list"),
    ([0, None], None, None, 'has None: write an index or a name for each'),
    ([0., 1.], None, None, 'has 0.0: write an index'),
    ('name', None, TEACHER, "needs the names of the student's classes: set"),
    ('name', STUDENT, None, "the teacher's classes are not known: set class_n"),
    ('name', ('cat', 'cow'), TEACHER,
     r"'cow' is none of the teacher's 4 classes \(1 such, of 2\)"),
    ('name', ('cat', 'dog', 'cow'), TEACHER, 'has 3 entries, the student 2'),
    ([0], None, None, 'has 1 entries, the student 2 classes: write the'),
    ([0, 1, 2], None, None, 'has 3 entries, the student 2 classes'),
    ([], None, None, 'has 0 entries'),
    ([1, 1], None, None, '1 stands for several classes of the student'),
    (['cat', 2], STUDENT, TEACHER, "'cat' stands for several classes"),
    (['dog', 'crane'], STUDENT, TEACHER,
     "2 of the teacher's classes are called 'crane': map by index"),
])
def test_bad_input(mapping, student, teacher, message):
    with pytest.raises(ValueError, match=message) as error:
        class_indices(mapping, 2, student, teacher)
    assert '\n' not in str(error.value)
