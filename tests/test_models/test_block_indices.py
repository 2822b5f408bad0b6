import pytest

from mmdeit.models.block_indices import block_indices, windowed_blocks


def test_negative_indices_count_from_the_end():
    assert block_indices('out_indices', -1, 12) == [11]
    assert block_indices('out_indices', (2, -7, -12), 12) == [2, 5, 0]


@pytest.mark.parametrize('index', [12, -13, 1.5, 'a'])
def test_no_such_block(index):
    with pytest.raises(ValueError, match=(
            f'^out_indices has {index}, expected -12 to 11: the backbone has '
            '12 blocks$')):
        block_indices('out_indices', [0, index], 12)


def test_indices_that_are_no_sequence():
    with pytest.raises(ValueError, match='out_indices has 1.5, expected'):
        block_indices('out_indices', 1.5, 12)


@pytest.mark.parametrize('depth, blocks', [
    (12, [2, 5, 8, 11]),
    (24, [5, 11, 17, 23]),
    (6, [1, 2, 4, 5]),
    (2, [0, 1]),
    (1, [0]),
])
def test_global_blocks_are_evenly_spaced(depth, blocks):
    windowed = windowed_blocks(14, None, depth)
    assert [i for i in range(depth) if i not in windowed] == blocks


def test_chosen_blocks_are_global():
    assert windowed_blocks(14, (0, -1), 4) == [1, 2]
    assert windowed_blocks(14, (), 2) == [0, 1]
    assert windowed_blocks(None, None, 4) == []


@pytest.mark.parametrize('window', [14, None])
def test_no_such_global_block(window):
    with pytest.raises(ValueError, match='global_indices has 4'):
        windowed_blocks(window, (4, ), 4)


@pytest.mark.parametrize('window', [0, -1, 7.5, '14'])
def test_windows_of_no_size(window):
    with pytest.raises(ValueError, match=(
            f'^window_size is {window}, expected a whole number of patches from'
            ' 1: give for instance 14, or None for global attention$')):
        windowed_blocks(window, None, 12)
