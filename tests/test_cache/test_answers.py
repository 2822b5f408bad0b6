"""Answers on the disk."""
import errno
import os
import pickle

import numpy as np
import pytest
import torch

from mmdeit.cache.answers import AnswerFiles, create_once, known
from mmdeit.cache.codecs import TopK, codec
from tests.processes import forkserver

KINDS = ('labels', 'logits', 'top-3')


def there_and_back(kind, answer):
    """What a student learns from, from the disk, and which are known."""
    coded = codec(kind, answer.shape[1])
    rows = coded.rows(*(part.numpy() for part in coded.reduce(answer)))
    there = known(rows)
    kept = map(torch.from_numpy, coded.kept(rows[there]))
    return coded.answer(*kept), there


def logits_of(views, num_classes, spread=5.):
    torch.manual_seed(0)
    return spread * torch.randn(views, num_classes)


@pytest.mark.parametrize('num_classes, bytes_each', [
    (4, (2, 20, 12)), (1000, (2, 4004, 12)), (65535, (2, 262144, 12)),
    (65536, (4, 262148, 18)), (70_000, (4, 280004, 18))])
def test_a_student_learns_the_same_from_the_disk(num_classes, bytes_each):
    answer = logits_of(6, num_classes)
    answer[0, -1] = 100.  # the last class is decided for, too
    for kind, size in zip(KINDS, bytes_each):
        found, there = there_and_back(kind, answer)
        coded = codec(kind, num_classes)
        assert there.all() and coded.dtype.itemsize == size
        live = coded.live(answer)
        if kind == 'labels':
            live = live.argmax(dim=1)
        assert torch.equal(found, live)


@pytest.mark.parametrize('kind', KINDS)
@pytest.mark.parametrize('dtype', [torch.bfloat16, torch.float16])
def test_of_a_teacher_in_half_precision(kind, dtype):
    answer = logits_of(5, 10).to(dtype)
    found, there = there_and_back(kind, answer)
    live = codec(kind, 10).live(answer)
    expected = live.argmax(dim=1) if kind == 'labels' else live.float()
    assert there.all() and torch.equal(found, expected)


@pytest.mark.parametrize('kind', KINDS)
@pytest.mark.parametrize('value', [torch.nan, torch.inf, -torch.inf])
def test_what_is_not_finite_is_not_known(kind, value):
    answer = logits_of(4, 10)
    answer[1] = value
    answer[2, 7] = torch.nan
    _, there = there_and_back(kind, answer)
    assert there.tolist() == [True, False, False, True]


@pytest.mark.parametrize('kind', KINDS)
def test_a_teacher_that_is_sure_beyond_half_precision_is_known(kind):
    answer = torch.tensor([[2e5, 0., -2e5, -1e5, 0.]])
    found, there = there_and_back(kind, answer)
    assert there.all() and found.isfinite().all()


@pytest.mark.parametrize('k', [1, 2, 10, 99])
@pytest.mark.parametrize('spread', [0., 1., 5., 50.])
def test_the_largest_probabilities_are_kept(k, spread):
    """To 2**-11 of the logarithm; the rest is shared out evenly."""
    answer = logits_of(50, 100, spread)
    expected = answer.log_softmax(dim=1)
    found = TopK(100, k).live(answer)
    torch.testing.assert_close(
        found.exp().sum(dim=1), torch.ones(50), rtol=0, atol=2e-3)
    logs, classes = expected.topk(k)
    torch.testing.assert_close(
        found.gather(1, classes), logs, rtol=2**-11, atol=1e-7)
    others = found.scatter(1, classes, torch.nan)
    others = others[others.isfinite()].view(50, 100 - k)
    assert torch.equal(others, others[:, :1].expand_as(others))
    rest = 1 - logs.exp().sum(dim=1)
    torch.testing.assert_close(
        others.exp().sum(dim=1), rest.clamp_min(0), rtol=0, atol=2e-3)


def files_of(folder, kind='logits', views=20, num_classes=4):
    return AnswerFiles(folder, codec(kind, num_classes), views)


def rows_of(files, positions, num_classes=4):
    """Rows that say their position."""
    answer = torch.tensor(positions)[:, None] + torch.arange(num_classes)
    coded = files.codec
    return coded.rows(*(part.numpy() for part in coded.reduce(answer.float())))


def write(files, epoch, positions):
    files.write(epoch, np.array(positions), rows_of(files, positions))


@pytest.mark.parametrize('kind', KINDS)
def test_rows_are_read_once_all_are_known(kind, tmp_path):
    files = files_of(tmp_path, kind)
    assert files.read(3, np.array([4])) is None and files.count(3) == 0
    write(files, 3, [4, 7])
    for reader in (files, files_of(tmp_path, kind)):
        found = reader.read(3, np.array([7, 4]))
        assert found.tobytes() == rows_of(files, [7, 4]).tobytes()
        assert reader.read(3, np.array([4, 5])) is None
        assert reader.read(2, np.array([4])) is None
        assert reader.count(3) == 2 and reader.count(3, views=7) == 1
    assert [file.name for file in tmp_path.iterdir()] == ['epoch_0003.npy']
    assert len(np.load(tmp_path / 'epoch_0003.npy')) == 20


def test_a_row_that_is_known_stays(tmp_path):
    files = files_of(tmp_path)
    write(files, 0, [1])
    files.write(0, np.array([1, 2]), rows_of(files, [5, 2]))
    assert files.read(0, np.array([1, 2])).tobytes() == rows_of(
        files, [1, 2]).tobytes()


@pytest.mark.parametrize('kind', KINDS)
def test_a_torn_row_is_not_known(kind, tmp_path):
    """Of a row that is written from its start, any part may be there."""
    files = files_of(tmp_path, kind)
    write(files, 0, [2, 3])
    row = rows_of(files, [3]).tobytes()
    offset = os.path.getsize(files.path(0)) - 17 * len(row)
    last = 4 if kind == 'logits' else 2  # bytes; no page ends within them
    for there in range(len(row) - last + 1):
        with files.path(0).open('r+b') as file:
            file.seek(offset)
            file.write(row[:there].ljust(len(row), b'\0'))
        assert files.count(0) == 1, there
        assert files.read(0, np.array([3])) is None
        assert files.read(0, np.array([2])) is not None
    write(files, 0, [3])
    assert files.count(0) == 2


def test_two_machines_create_a_file_by_the_same_process_id(tmp_path):
    def write_later(path):
        create_once(tmp_path / 'file', lambda path: path.write_text('first'))
        path.write_text('second')

    create_once(tmp_path / 'file', write_later)
    assert (tmp_path / 'file').read_text() == 'first'
    assert [*tmp_path.iterdir()] == [tmp_path / 'file']


def test_of_two_that_create_a_file_both_write_to_it(tmp_path, monkeypatch):
    """The second has seen none, and creates it after the first has written."""
    first, second = files_of(tmp_path), files_of(tmp_path)
    create = second._create

    def create_later(epoch):
        write(first, 0, [1])
        create(epoch)

    monkeypatch.setattr(second, '_create', create_later)
    write(second, 0, [2])
    assert files_of(tmp_path).read(0, np.array([1, 2])) is not None
    assert [file.name for file in tmp_path.iterdir()] == ['epoch_0000.npy']


def _write_share(folder, rank, number):
    files = files_of(folder, views=400)
    for epoch in range(3):
        for start in range(rank, 400, 8 * number):
            write(files, epoch, [*range(start, 400, number)][:8])


def test_processes_do_not_disturb_each_other(tmp_path):
    with forkserver().Pool(3) as pool:
        pool.starmap(_write_share, [(tmp_path, rank, 3) for rank in range(3)])
    files = files_of(tmp_path, views=400)
    for epoch in range(3):
        found = files.read(epoch, np.arange(400))
        assert found.tobytes() == rows_of(files, [*range(400)]).tobytes()
    assert len([*tmp_path.iterdir()]) == 3


@pytest.mark.parametrize('size', [0, 5, 64, 200, -1])
def test_a_file_that_is_cut_off_is_refused(size, tmp_path):
    write(files_of(tmp_path), 0, [1])
    path = tmp_path / 'epoch_0000.npy'
    os.truncate(path, size if size >= 0 else path.stat().st_size - 1)
    files = files_of(tmp_path)
    for use in (lambda: files.count(0), lambda: write(files, 0, [2])):
        with pytest.raises(ValueError, match=(
                f'{path} is no whole file .*: remove it, to have them asked')):
            use()


@pytest.mark.parametrize('array', [
    np.zeros(20), np.zeros(19, codec('logits', 4).dtype),
    np.zeros((4, 5), codec('logits', 4).dtype),
    np.zeros(20, codec('logits', 5).dtype),
    np.zeros(20, codec('top-3', 4).dtype)])
def test_a_file_of_other_answers_is_refused(array, tmp_path):
    np.save(tmp_path / 'epoch_0000.npy', array)
    with pytest.raises(ValueError, match='not 20 of .*: remove it'):
        files_of(tmp_path).count(0)


class Bomb:

    def __reduce__(self):
        return os._exit, (7, )


@pytest.mark.parametrize('pickled', [
    lambda path: np.save(path, np.array([Bomb()] * 20), allow_pickle=True),
    lambda path: path.write_bytes(pickle.dumps(Bomb())),
    lambda path: np.savez(path.open('wb'), answers=np.zeros(20))])
def test_nothing_is_unpickled(pickled, tmp_path):
    path = tmp_path / 'epoch_0000.npy'
    pickled(path)
    with pytest.raises(ValueError, match=f'{path} .*: remove it'):
        files_of(tmp_path).count(0)


@pytest.mark.parametrize('call', ['pwrite', 'link', 'fsync'])
def test_a_full_disk_is_an_error_that_leaves_nothing(
        call, tmp_path, monkeypatch):

    def full(*args):
        raise OSError(errno.ENOSPC, 'No space left on device')

    files = files_of(tmp_path)
    monkeypatch.setattr(os, call, full)
    with pytest.raises(OSError, match='No space'):
        write(files, 0, [1])
    monkeypatch.undo()
    assert not [*tmp_path.glob('*.part')]
    write(files, 0, [1])
    assert files.count(0) == 1


def test_nothing_is_left_where_zeros_have_no_room(tmp_path, monkeypatch):
    monkeypatch.setattr(np, 'memmap', lambda *args, **kwargs: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        write(files_of(tmp_path), 0, [1])
    assert [*tmp_path.iterdir()] == []


def test_zeros_take_no_room(tmp_path):
    files = files_of(tmp_path, views=10**6)
    write(files, 0, [10])
    found = files.path(0).stat()
    assert found.st_size > 2 * 10**7 and found.st_blocks * 512 < 10**5
