"""Trainings that ask their teacher once."""
import errno
import os
import shutil
import socket
from pathlib import Path

import numpy as np
import pytest
import torch
from mmengine.config import ConfigDict
from mmengine.registry import MODELS

from mmdeit.cache import teacher_cache
from mmdeit.cache.answers import known
from mmdeit.randomness import NETWORK
from tests.processes import run_on
from tests.recipe import BATCH, assert_ends_alike, assert_same, recipe

from .conftest import write_teacher

VIEWS = 48  # of an epoch
ITERATIONS = dict(
    type='mmdeit.IterBasedTrainLoop', max_iters=9, val_interval=100)


@pytest.fixture
def make_cfg(tmp_path, folder, teacher):
    """The config of a training with a cache."""

    def make_cfg(cache=None, mode='hard', change=lambda cfg: None, **others):
        cfg = recipe(
            folder, custom_hooks=[dict(type='RecordViewsHook')], **others)
        cfg.model.head.loss.mode = mode
        cfg.default_hooks.teacher = ConfigDict(
            type='mmdeit.TeacherHook', teacher=teacher, preflight=0,
            cache=cache and dict(dict(folder=str(tmp_path / 'cache')),
                                 **cache if isinstance(cache, dict) else {}))
        change(cfg)
        return cfg

    return make_cfg


@pytest.fixture
def train(tmp_path, build_runner, make_cfg):
    """Train, and return the last checkpoint."""

    def train(name, *args, **others):
        cfg = make_cfg(*args, **others)
        cfg.work_dir = str(tmp_path / name)
        build_runner(cfg).train()
        return tmp_path / name / 'iter_9.pth'

    return train


@pytest.fixture
def asked(monkeypatch):
    """How many images the teacher was asked, one number for each batch."""
    counts = []
    build = MODELS.build

    def counted(cfg, *args, **kwargs):
        built = build(cfg, *args, **kwargs)
        if isinstance(cfg, dict) and 'Teacher' in str(cfg.get('type')):
            forward = built.forward
            built.forward = lambda x: counts.append(len(x)) or forward(x)
        return built

    monkeypatch.setattr('mmdeit.hooks.teacher_hook.MODELS.build', counted)
    return counts


@pytest.fixture
def said(monkeypatch):
    """What was said of the cache while training."""
    lines = []
    monkeypatch.setattr(teacher_cache, 'print_log',
                        lambda line, *args, **kwargs: lines.append(line))
    return lines


def seen(checkpoint):
    """The views of a training, and what it was given of them."""
    return torch.load(
        checkpoint.parent / 'rank0.pt', weights_only=True)['views']


def bytes_of(folder):
    return {file.name: file.read_bytes() for file in folder.glob('epoch_*')}


@pytest.mark.parametrize('mode, cache', [
    ('hard', dict()), ('hard', dict(top_k=None)), ('soft', dict(top_k=None)),
    ('soft', dict()), ('soft', dict(top_k=2))])
def test_a_training_from_the_cache_is_the_one_with_the_teacher(
        mode, cache, train, asked, teacher):
    """And needs no teacher. Of four classes ten are all."""
    live = cache if cache.get('top_k') == 2 else None
    expected = train('live', live, mode)
    train('filling', cache or True, mode)
    Path(teacher['checkpoint']).unlink()
    asked.clear()
    found = train('cached', cache or True, mode)
    assert asked == []
    assert_ends_alike(found, expected)


def test_hard_and_soft_share_what_is_said_to_be_kept(train, asked, teacher):
    """Whoever comes first."""
    expected = train('live', mode='soft')
    train('filling', dict(top_k=None), 'hard')
    Path(teacher['checkpoint']).unlink()
    assert_ends_alike(train('cached', dict(top_k=None), 'soft'), expected)


def use_the_iterations_of(sampler):
    def change(cfg):
        cfg.train_cfg = ConfigDict(ITERATIONS)
        cfg.train_dataloader.sampler = ConfigDict(type=sampler)
    return change


HOWEVER = {
    'iterations': use_the_iterations_of('mmdeit.RepeatAugSampler'),
    'without an end': use_the_iterations_of('InfiniteSampler'),
    'passes': lambda cfg: cfg.train_dataloader.update(batch_size=4),
    'workers': lambda cfg: cfg.train_dataloader.update(num_workers=2),
    'undivided': lambda cfg: cfg.train_dataloader.update(
        batch_size=16, drop_last=False, sampler=dict(
            type='DefaultSampler', shuffle=True)),
    'seldom logged': lambda cfg: cfg.default_hooks.logger.update(interval=50),
}


@pytest.mark.parametrize('name', HOWEVER)
def test_however_it_trains(name, train, asked, teacher):
    expected = train('live', change=HOWEVER[name])
    asked.clear()
    filling = train('filling', True, change=HOWEVER[name])
    assert sum(asked) == 3 * VIEWS
    Path(teacher['checkpoint']).unlink()
    cached = train('cached', True, change=HOWEVER[name])
    assert sum(asked) == 3 * VIEWS
    assert_ends_alike(filling, expected)
    assert_ends_alike(cached, expected)


@pytest.mark.parametrize('mode, cache', [
    ('hard', True), ('soft', dict(top_k=None)), ('soft', dict(top_k=2))])
def test_what_is_missing_is_asked(mode, cache, train, asked, tmp_path):
    expected = train('filling', cache, mode)
    whole = bytes_of(tmp_path / 'cache')
    rows = np.load(tmp_path / 'cache/epoch_0001.npy', mmap_mode='r+')
    rows[[3, 40]] = 0  # of the first iteration, and the last
    rows.flush()
    (tmp_path / 'cache/epoch_0002.npy').unlink()
    asked.clear()
    assert_ends_alike(train('half', cache, mode), expected)
    assert asked == [BATCH] * 5
    assert bytes_of(tmp_path / 'cache') == whole


def test_the_last_epoch_of_iterations_may_end_early(train, asked):
    cfg = dict(train_cfg=dict(ITERATIONS, max_iters=4))
    for name, number in (('filling', 4), ('cached', 0)):
        asked.clear()
        train(name, True, **cfg)
        assert asked == [BATCH] * number


def test_a_shorter_training_needs_its_epochs_only(train, asked, tmp_path):
    train('filling', True)
    (tmp_path / 'cache/epoch_0002.npy').unlink()
    asked.clear()
    train('shorter', True, change=lambda cfg: cfg.train_cfg.update(
        max_epochs=2))
    assert asked == []
    train('longer', True, change=lambda cfg: cfg.train_cfg.update(
        max_epochs=4))
    assert asked == [BATCH] * 6
    endless = HOWEVER['without an end']
    shutil.rmtree(tmp_path / 'cache')
    train('endless', True, change=endless)
    asked.clear()
    train('shorter endless', True, change=lambda cfg: (
        endless(cfg), cfg.train_cfg.update(max_iters=5)))
    assert asked == []
    with pytest.raises(ValueError, match='144 views in a file, and 160 are'):
        train('longer endless', True, change=lambda cfg: (
            endless(cfg), cfg.train_cfg.update(max_iters=10)))


@pytest.mark.parametrize('cached', ['all', 'half', 'none'])
def test_resumed_in_the_middle_of_an_epoch(cached, train, asked, tmp_path):
    expected = train('whole', True)
    if cached != 'all':
        (tmp_path / 'cache/epoch_0002.npy').unlink()
    if cached == 'none':
        shutil.rmtree(tmp_path / 'cache')
    asked.clear()
    found = train(
        'resumed', True, resume=True, load_from=str(expected.with_name(
            'iter_4.pth')))
    assert len(asked) == dict(all=0, half=3, none=5)[cached]
    assert_ends_alike(found, expected)


def usual(cfg):
    """Without a token for the teacher, the paper's usual distillation."""
    cfg.model.type = 'mmdeit.DistilledClassifier'
    cfg.model.backbone.type = 'VisionTransformer'
    cfg.model.head = dict(
        type='VisionTransformerClsHead', num_classes=4, in_channels=8,
        loss=dict(type='CrossEntropyLoss'))
    cfg.model.distillation = dict(mode='soft', alpha=0.7, tau=2.)


STUDENTS = {
    'seed': lambda cfg: cfg.randomness.update(seed=5),
    'alpha and tau': lambda cfg: cfg.model.head.loss.update(
        alpha=0.9, tau=2.),
    'hard': lambda cfg: cfg.model.head.loss.update(mode='hard'),
    'larger': lambda cfg: cfg.model.backbone.arch.update(num_layers=3),
    'usual': usual,
}


def test_students_share_a_cache(train, asked, teacher):
    """Each sees the same views and answers, and learns something else."""
    first = train('first', dict(top_k=None), 'soft')
    Path(teacher['checkpoint']).unlink()
    asked.clear()
    for name, change in STUDENTS.items():
        other = train(name, dict(top_k=None), 'soft', change=change)
        assert asked == []
        assert_same(seen(other), seen(first))
        weights = [torch.load(file, weights_only=True)['state_dict']
                   for file in (first, other)]
        with pytest.raises(AssertionError):
            assert_same(*weights)


def test_epochs_are_recycled(train, asked, tmp_path, monkeypatch):
    """Views and answers are; stochastic depth is not."""
    keys = []
    monkeypatch.setattr(
        'mmdeit.loops.view_loop.seed_all',
        lambda *key, devices: keys.append(key) or torch.manual_seed(0))

    def recycle(cfg):
        cfg.train_cfg.update(recycle=2, max_epochs=5)

    last = train('recycled', True, change=recycle)
    assert sum(asked) == 2 * VIEWS
    assert sorted(bytes_of(tmp_path / 'cache')) == [
        'epoch_0000.npy', 'epoch_0001.npy']
    assert keys == [(0, epoch, BATCH * i, NETWORK)
                    for epoch in range(5) for i in range(3)]
    views = seen(last)
    assert {epoch for _, epoch, _ in views} == {0, 1}
    plain = seen(train('plain', change=lambda cfg: cfg.train_cfg.update(
        max_epochs=2)))
    assert_same({view: given[:3] for view, given in views.items()},
                {view: given[:3] for view, given in plain.items()})
    asked.clear()
    train('again', True, change=recycle)
    assert asked == []


@pytest.mark.parametrize('setting', [
    dict(recycle=-1), dict(recycle=2.), dict(seed='a'), dict(seed=-3)])
def test_what_is_no_seed_or_number_of_epochs(setting, train):
    with pytest.raises(ValueError, match='train_cfg.* give a whole number'):
        train('bad', change=lambda cfg: cfg.train_cfg.update(setting))


def test_there_is_nothing_to_recycle_without_epochs(train):
    endless = HOWEVER['without an end']
    with pytest.raises(ValueError, match='take one that ends'):
        train('bad', change=lambda cfg: (
            endless(cfg), cfg.train_cfg.update(recycle=2)))


def test_a_seed_that_contradicts_the_cache(train, tmp_path):
    train('filling', True)
    line = 'train_cfg.seed was 0, and is 5: set it as it was, or give another'
    with pytest.raises(ValueError, match=line):
        train('seeded', True, change=lambda cfg: cfg.train_cfg.update(seed=5))
    other = train('other', change=lambda cfg: cfg.randomness.update(seed=5))
    with pytest.raises(ValueError, match=line):
        train('resumed', True, resume=True,
              load_from=str(other.with_name('iter_4.pth')))
    older = torch.load(other.with_name('iter_4.pth'), weights_only=True)
    older['message_hub']['runtime_info'].pop('view_seed')
    older['message_hub']['resumed_keys'].pop('view_seed')
    torch.save(older, tmp_path / 'older.pth')
    with pytest.raises(ValueError, match=line):
        train('older', True, change=lambda cfg: cfg.randomness.update(seed=5),
              resume=True, load_from=str(tmp_path / 'older.pth'))
    train('same', True, change=lambda cfg: (
        cfg.train_cfg.update(seed=0), cfg.randomness.update(seed=5)))


@pytest.mark.parametrize('mode', ['hard', 'soft'])
def test_no_number_stops_the_training_and_is_not_kept(
        mode, train, tmp_path, monkeypatch):
    """And what was answered before it, is."""
    build, batches = MODELS.build, iter(range(100))

    def damaged(cfg, *args, **kwargs):
        built = build(cfg, *args, **kwargs)
        if cfg.get('type') != 'mmdeit.Teacher':
            return built
        forward = built.forward

        def answer(x):
            found = forward(x)
            if next(batches) == 4:
                found[7] = torch.nan
            return found

        built.forward = answer
        return built

    monkeypatch.setattr('mmdeit.hooks.teacher_hook.MODELS.build', damaged)
    with pytest.raises(ValueError, match='finite|nan'):
        train('stopped', dict(top_k=2), mode)
    monkeypatch.undo()
    expected = train('live', dict(folder=str(tmp_path / 'other'), top_k=2),
                     mode)
    there = [known(np.load(tmp_path / f'cache/epoch_000{epoch}.npy'))
             for epoch in range(2)]
    assert there[0].all() and 0 < there[1].sum() < VIEWS
    assert_ends_alike(train('healed', dict(top_k=2), mode), expected)
    assert bytes_of(tmp_path / 'cache') == bytes_of(tmp_path / 'other')


def ensemble(teacher, tmp_path):
    other = write_teacher(tmp_path / 'other.pth', seed=2)
    return dict(type='mmdeit.TeacherEnsemble', members=[teacher, other],
                weights=[1., 2.])


TEACHERS = {
    'ensemble': ensemble,
    'vote': lambda *args: dict(ensemble(*args), combine='vote'),
    'other classes': lambda teacher, _: dict(
        teacher, class_mapping=[3, 0, 2, 1]),
    'other size': lambda teacher, _: dict(teacher, input_size=24),
    'half precision': lambda teacher, _: dict(teacher, dtype='bfloat16'),
}


@pytest.mark.parametrize('name, mode', [
    ('ensemble', 'soft'), ('vote', 'hard'), ('other classes', 'hard'),
    ('other classes', 'soft'), ('other size', 'soft'),
    ('half precision', 'soft')])
def test_any_teacher(name, mode, train, asked, teacher, tmp_path):
    config = TEACHERS[name](teacher, tmp_path)

    def change(cfg):
        cfg.default_hooks.teacher.teacher = ConfigDict(config)

    cache = dict(top_k=None)
    expected = train('live', None, mode, change)
    train('filling', cache, mode, change)
    for file in tmp_path.glob('*.pth'):
        file.unlink()
    asked.clear()
    assert_ends_alike(train('cached', cache, mode, change), expected)
    assert asked == []


def on_processes(number, cfg, folder, name):
    """Train on a number of processes, and return the last checkpoint."""
    with socket.socket() as server:
        server.bind(('127.0.0.1', 0))
        port = str(server.getsockname()[1])
    cfg.train_dataloader.batch_size = BATCH // number
    cfg.dump(folder / f'{name}.py')
    run_on(number, port, 'tools/train.py', folder / f'{name}.py',
           '--work-dir', folder / name)
    return folder / name / 'iter_9.pth'


def test_processes_share_a_cache(make_cfg, train, tmp_path, teacher):
    """One reads what two wrote, and the reverse."""
    by_one, by_two = (dict(folder=str(tmp_path / name)) for name in '12')
    two = on_processes(2, make_cfg(by_two), tmp_path, 'two')
    one = train('one', by_one)
    assert bytes_of(tmp_path / '1') == bytes_of(tmp_path / '2')
    Path(teacher['checkpoint']).unlink()
    assert_ends_alike(train('one reads', by_two), one)
    assert_ends_alike(
        on_processes(2, make_cfg(by_one), tmp_path, 'two-read'), two)


@pytest.mark.parametrize('after', [0, 40])
def test_a_full_disk(after, train, said, tmp_path, monkeypatch):
    expected = train('live')
    pwrite, written = os.pwrite, []

    def fills(*args):
        if len(written) >= after:
            raise OSError(errno.ENOSPC, 'No space left on device')
        written.append(args)
        return pwrite(*args)

    monkeypatch.setattr(os, 'pwrite', fills)
    assert_ends_alike(train('full', True), expected)
    line, = said
    assert 'No space left on device' in line and 'training goes on' in line
    assert len(written) == after
    monkeypatch.undo()
    assert_ends_alike(train('freed', True), expected)
    assert all(known(np.load(file)).all()
               for file in (tmp_path / 'cache').glob('epoch_*'))


def test_a_disk_that_is_full_already(train, said, tmp_path, monkeypatch):
    expected = train('filling', True)
    for name in ('precision.json', 'epoch_0001.npy'):
        (tmp_path / 'cache' / name).unlink()

    def full(*args):
        raise OSError(errno.ENOSPC, 'No space left on device')

    monkeypatch.setattr(os, 'link', full)
    assert_ends_alike(train('full', True), expected)
    line, = said
    assert 'training goes on' in line
    assert not list((tmp_path / 'cache').glob('*.part'))


def test_a_folder_that_may_only_be_read(
        train, said, asked, tmp_path, monkeypatch):
    expected = train('filling', True)
    monkeypatch.setattr(os, 'access', lambda *args: False)
    asked.clear()
    train('reads', True)
    assert asked == said == []
    (tmp_path / 'cache/epoch_0001.npy').unlink()
    before = bytes_of(tmp_path / 'cache')
    assert_ends_alike(train('asks', True), expected)
    assert asked == [BATCH] * 3 and bytes_of(tmp_path / 'cache') == before
    line, = said
    assert 'may not be written to' in line


def test_files_that_may_only_be_read(train, said, tmp_path, monkeypatch):
    """As they are to anyone but root."""
    expected = train('filling', True)
    rows = np.load(tmp_path / 'cache/epoch_0001.npy', mmap_mode='r+')
    rows[20:] = 0
    rows.flush()
    opened = os.open

    def refuse(path, flags, *args, **kwargs):
        if flags & os.O_WRONLY and 'epoch_' in str(path):
            raise PermissionError(errno.EACCES, 'Permission denied')
        return opened(path, flags, *args, **kwargs)

    monkeypatch.setattr(os, 'open', refuse)
    assert_ends_alike(train('reads', True), expected)
    line, = said
    assert 'Permission denied' in line


@pytest.mark.parametrize('write, message', [
    (lambda path: path.mkdir() or (path / 'a.jpg').touch(),
     'a.jpg is no cache of answers: give an empty folder'),
    (lambda path: path.touch(), 'cache is no cache of answers'),
    (lambda path: path.mkdir() or (path / 'cache.json').write_text('{"a"'),
     'cache.json is damaged .*: remove the folder'),
    (lambda path: path.mkdir() or (path / 'cache.json').write_text('[]'),
     'cache.json is damaged .*: remove the folder'),
    (lambda path: path.mkdir() or (path / 'cache.json').write_text(
        '{"kind": "logits"}'), 'cache.json is damaged .*: remove the folder'),
])
def test_a_folder_of_something_else(write, message, train, tmp_path):
    write(tmp_path / 'cache')
    before = sorted(tmp_path.rglob('cache*'))
    with pytest.raises(ValueError, match=message):
        train('refused', True)
    assert sorted(tmp_path.rglob('cache*')) == before


def test_files_of_others_do_not_disturb(train, asked, tmp_path):
    train('filling', True)
    (tmp_path / 'cache/epoch_0001.npy.77.part').write_bytes(b'killed')
    (tmp_path / 'cache/README.md').write_text('of a user')
    asked.clear()
    train('cached', True)
    assert asked == []


def test_a_damaged_file_is_refused_at_the_start(train, tmp_path):
    train('filling', True)
    (tmp_path / 'cache/epoch_0000.npy').unlink()
    os.truncate(tmp_path / 'cache/epoch_0002.npy', 200)
    with pytest.raises(ValueError, match='epoch_0002.npy is no whole file'):
        train('refused', True)
    assert not list((tmp_path / 'refused').glob('*.pth'))


def test_labels_are_not_enough_for_soft_distillation(train):
    train('filling', True)
    with pytest.raises(ValueError, match="labels only.* set mode='hard'"):
        train('soft', True, 'soft')


@pytest.mark.parametrize('cache', [
    dict(topk=5), dict(folder='a', top_k=0), dict(folder='a', top_k='ten'),
    dict(folder='a', top_k=True), dict(top_k=5)])
def test_what_is_no_cache(cache, make_cfg, build_runner, tmp_path):
    cfg = make_cfg()
    cfg.work_dir = str(tmp_path)
    cfg.default_hooks.teacher.cache = cache
    with pytest.raises(ValueError, match=r'give a folder, or dict\(folder='):
        build_runner(cfg)


def test_a_cache_needs_views(train):
    with pytest.raises(ValueError, match="train_cfg.type='mmdeit.Epoch"):
        train('by mmengine', True, change=lambda cfg: cfg.update(
            train_cfg=ConfigDict(
                type='mmengine.EpochBasedTrainLoop', max_epochs=1)))
    with pytest.raises(ValueError, match="type='mmdeit.ClsDataPrepro"):
        train('by mmpretrain', True, change=lambda cfg: (
            cfg.model.data_preprocessor.update(
                type='mmpretrain.ClsDataPreprocessor'),
            cfg.model.data_preprocessor.pop('group_size'),
            cfg.train_dataloader.dataset.pipeline[-1].update(
                type='PackInputs')))
