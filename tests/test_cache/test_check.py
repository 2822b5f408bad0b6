"""A cache that is compared with the teacher at the start of a training."""
import numpy as np
import pytest
import torch

from mmdeit.cache.check import _choose, check_cache, same
from mmdeit.cache.codecs import codec
from mmdeit.hooks import TeacherHook
from tests.pictures import write_pictures
from tests.recipe import assert_ends_alike, recipe, toy_teacher


@pytest.fixture(scope='module')
def folder(tmp_path_factory):
    return write_pictures(tmp_path_factory.mktemp('pictures'), 48)


@pytest.fixture
def prepare(tmp_path, build_runner, folder):
    """Build a Runner of 3 epochs of 3 iterations of 2 passes, with a cache."""

    def build(name='work', mode='hard', cache='cache', **others):
        cfg = recipe(folder, **others)
        cfg.model.head.loss.mode = mode
        cfg.train_dataloader.batch_size = 8
        cfg.work_dir = str(tmp_path / name)
        kept = dict(top_k=2) if mode == 'soft' else {}
        cfg.default_hooks.teacher = dict(
            type='mmdeit.TeacherHook', preflight=1,
            teacher=toy_teacher(tmp_path / 'teacher.pth'),
            cache=cache and dict(folder=str(tmp_path / cache), **kept))
        return build_runner(cfg)

    return build


@pytest.fixture
def opened(prepare, tmp_path):
    """A Runner whose hook has a cache of epochs 1 and 2, and a teacher."""
    prepare().train()
    (tmp_path / 'cache/epoch_0000.npy').unlink()
    runner = prepare()
    hook, = (hook for hook in runner.hooks if isinstance(hook, TeacherHook))
    hook.open_cache(runner)
    hook.build_teacher(runner)
    return runner, hook.cache


def test_it_changes_nothing_of_a_training(prepare, tmp_path, caplog):
    """What it draws, and the order it counts, are as if nobody had asked."""
    prepare('live', cache=None).train()
    prepare('filling').train()
    (tmp_path / 'cache/epoch_0001.npy').unlink()
    runner = prepare('half')
    runner.logger.handlers.append(caplog.handler)
    runner.logger.setLevel('INFO')
    runner.train()
    assert (f'96 of 96 views, asked again, agree with {tmp_path}/cache'
            in caplog.messages)
    assert_ends_alike(tmp_path / 'half/iter_9.pth',
                      tmp_path / 'live/iter_9.pth')


@pytest.mark.parametrize('mode, message', [
    ('hard', 'another label'), ('soft', 'log probabilities that are off by')])
def test_other_answers_are_refused(mode, message, prepare, tmp_path):
    prepare(mode=mode).train()
    (tmp_path / 'cache/epoch_0001.npy').unlink()
    rows = np.load(tmp_path / 'cache/epoch_0002.npy', mmap_mode='r+')

    def spoil(part):
        if mode == 'hard':
            rows[part] = rows[part] % 4 + 1
        else:
            rows['logs'][part] -= 0.2

    spoil(slice(4))  # 4.2%
    runner = prepare(mode=mode)
    hook, = (hook for hook in runner.hooks if isinstance(hook, TeacherHook))
    hook.before_train(runner)
    spoil(slice(4, 6))
    message = f'6 of 96 views .6.2%. have {message}'
    with pytest.raises(ValueError, match=message):
        prepare(mode=mode).train()


def test_all_processes_learn_of_it(opened, monkeypatch):
    runner, cache = opened
    cache.teacher = None  # asked by the first one
    monkeypatch.setattr('mmdeit.cache.check.is_main_process', lambda: False)
    for verdict in (['96 agree', ''], ['', 'is not of this teacher']):
        monkeypatch.setattr('mmdeit.cache.check.broadcast_object_list',
                            lambda data, said=verdict: data.__setitem__(
                                slice(None), said))
        if verdict[0]:
            assert check_cache(cache, runner) == '96 agree'
        else:
            with pytest.raises(ValueError, match='is not of this teacher'):
                check_cache(cache, runner)


def test_what_is_asked(opened):
    """Passes over all epochs and in them, of those that are whole."""
    runner, cache = opened

    def choose(number, epochs=None):
        return [(views[0].epoch, views[0].position) for views in _choose(
            cache.files, runner.train_loop, number, epochs)]

    assert choose(16) == [(1, 17), (2, 17)]
    assert choose(8) == [(1, 17)]
    assert choose(32) == [(1, 1), (1, 32), (2, 1), (2, 32)]
    assert choose(10**6, [2]) == [
        (2, start) for start in (0, 1, 16, 17, 32, 33)]
    rows = np.load(cache.files.path(2), mmap_mode='r+')
    rows[[0, 17, 33]] = 0
    assert choose(10**6, [0, 2]) == [(2, 1), (2, 16), (2, 32)]
    assert 'of 24 views' in check_cache(cache, runner, epochs=[0, 2])
    assert check_cache(cache, runner, epochs=[0]) == ''


@pytest.mark.parametrize('kind', ['labels', 'logits', 'top-3'])
def test_same(kind):
    """Rounding agrees; another answer, or none, does not."""
    one = codec(kind, 5)
    torch.manual_seed(0)
    answer = 3 * torch.randn(6, 5)
    rows = one.rows(*(part.numpy() for part in one.reduce(answer)))
    given = answer + 7  # the softmax is the same
    given += 0.01 * torch.randn(6, 5)
    given[1] = answer[1].roll(1)
    given[3, 2] = torch.nan
    assert same(one, rows, given).tolist() == [
        True, False, True, False, True, True]
