import pytest
from torch.utils.data import Dataset

from mmdeit.class_names import (
    check_same_classes,
    difference,
    nearest,
    quote,
)


@pytest.mark.parametrize('names, expected, clause', [
    ('abc', 'abc', ''),
    (('a', 'b'), ['a', 'b'], ''),
    ('ac', 'abc', "lacks 'b'"),
    ('abcd', 'abc', "has 'd' besides"),
    ('acb', 'abc',
     "has another order: class 1 is 'c' instead of 'b'"),
    (['Cat', 'dog'], ['cat', 'dog'],
     "lacks 'cat' (nearest is 'Cat') and has 'Cat' (nearest is 'cat') "
     'besides'),
    (['\ufeffcat', 'dog'], ['cat', 'dog'],
     "lacks 'cat' (nearest is '\\ufeffcat') and has '\\ufeffcat' (nearest is "
     "'cat') besides"),
    (['n01', 'n02'], ['tench', 'goldfish'],
     "has none of the names, but 'n01', 'n02' instead of 'tench', 'goldfish'"),
    ('a', 'abcdef', "lacks 'b', 'c', 'd' and 2 more"),
    ('aab', 'ab', 'names a class twice'),
    ((), 'ab', "has none of the names, but nothing instead of 'a', 'b'"),
])
def test_difference(names, expected, clause):
    assert difference(names, expected) == clause


def test_helpers():
    assert quote('ab') == "'a', 'b'"
    assert nearest('CAT', ['dog', 'cat']) == 'cat'
    assert nearest('horse', ['dog', 'cat']) is None


def test_many_classes_take_no_time():
    names = [f'species {i}' for i in range(20000)]
    others = [name + ' (old)' for name in names]
    assert difference([names[0], *others[1:]], names)


class Named(Dataset):

    def __init__(self, classes=None):
        self.metainfo = dict(classes=classes) if classes else {}


def test_datasets():
    check_same_classes(dict(a=Named('ab'), b=Named(), c=Named(['a', 'b'])))
    with pytest.raises(ValueError) as error:
        check_same_classes(dict(train_dataloader=Named('ab'), b=object(),
                               val_dataloader=Named('ba')))
    assert str(error.value) == (
        "val_dataloader has another order: class 0 is 'b' instead of 'a', "
        'compared with train_dataloader: correct the classes in its list or '
        'its metainfo=dict(classes=[...])')
