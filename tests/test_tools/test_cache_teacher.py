"""A cache that is filled ahead of the training."""
import errno
import json
import os
import re
import socket
from pathlib import Path
from unittest import mock

import numpy as np
import pytest

from mmdeit.cache.answers import AnswerFiles
from mmdeit.hooks import TeacherHook
from mmdeit.teachers import Teacher
from tests.pictures import write_pictures
from tests.processes import run_on_two
from tests.recipe import assert_ends_alike, recipe, toy_teacher
from tests.tools import ROOT, run_tool

from .interrupted_teacher import interrupted

TOOL = 'tools/cache_teacher.py'


@pytest.fixture(scope='module')
def folder(tmp_path_factory):
    return write_pictures(tmp_path_factory.mktemp('pictures'), 48)


@pytest.fixture
def make(tmp_path, folder):
    """Make the config of a training: 3 epochs of 3 iterations of 2 passes."""

    def config(mode='hard', cache=None, **others):
        cfg = recipe(folder, **others)
        cfg.model.head.loss.mode = mode
        cfg.train_dataloader.batch_size = 8
        cfg.default_hooks.teacher = dict(
            type='mmdeit.TeacherHook', preflight=0, cache=cache,
            teacher=toy_teacher(tmp_path / 'teacher.pth'))
        return cfg

    return config


@pytest.fixture
def config(tmp_path, make):
    """The file of a config without a cache."""
    path = tmp_path / 'config.py'
    make().dump(path)
    return path


@pytest.fixture
def written(monkeypatch):
    """The epoch and positions of each pass that is written."""
    passes, write = [], AnswerFiles.write
    monkeypatch.setattr(
        AnswerFiles, 'write', lambda files, epoch, positions, rows:
        passes.append((epoch, positions.tolist())) or write(
            files, epoch, positions, rows))
    return passes


@pytest.fixture
def port():
    with socket.socket() as free:
        free.bind(('127.0.0.1', 0))
        return str(free.getsockname()[1])


def contents(cache):
    files = {path.name: path.read_bytes() for path in Path(cache).iterdir()}
    return files | {'cache.json': json.loads(files['cache.json'])}


@pytest.mark.parametrize('mode, kept', [
    ('hard', {}), ('hard', dict(top_k=2)), ('soft', dict(top_k=2))])
def test_a_training_then_asks_nothing(mode, kept, make, build_runner, tmp_path,
                                      written, monkeypatch):
    """It ends as the one that asks, whose files are the same."""

    def train(name):
        cfg = make(mode, dict(folder=str(tmp_path / name), **kept))
        cfg.work_dir = str(tmp_path / f'work-{name}')
        build_runner(cfg).train()
        return Path(cfg.work_dir, 'iter_9.pth')

    expected = train('live')
    config = tmp_path / 'config.py'
    make(mode).dump(config)
    output = run_tool(TOOL, config, '--cache', tmp_path / 'ahead',
                      *(['--top-k', 2] if kept else []))
    assert re.search(
        r'Asked for 144 views in 0:00:\d\d: [\d,]+ images per second', output)
    assert f'{tmp_path}/ahead has all answers of epochs 0-2' in output
    assert contents(tmp_path / 'ahead') == contents(tmp_path / 'live')
    written.clear()
    monkeypatch.setattr(TeacherHook, 'build_teacher', None)  # none is built
    assert_ends_alike(train('ahead'), expected)
    assert not written
    assert 'has all answers' in run_tool(
        TOOL, config, '--cache', tmp_path / 'ahead')


def test_any_epochs_and_what_is_left(config, tmp_path, written):
    """Whole passes are asked for, and no other."""
    run_tool(TOOL, config, '--cache', tmp_path / 'whole')
    expected = contents(tmp_path / 'whole')
    written.clear()
    cache = tmp_path / 'cache'
    run_tool(TOOL, config, '--cache', cache, '--epochs', '2')
    assert [epoch for epoch, _ in written] == [2] * 6
    run_tool(TOOL, config, '--cache', cache, '--epochs', '0,2')
    assert [epoch for epoch, _ in written[6:]] == [0] * 6

    rows = np.load(cache / 'epoch_0002.npy', mmap_mode='r+')
    rows[[18, 47]] = 0
    rows.flush()
    written.clear()
    output = run_tool(TOOL, config, '--cache', cache)
    assert [epoch for epoch, _ in written] == [1] * 6 + [2] * 2
    assert [positions for _, positions in written[6:]] == [
        [*range(16, 32, 2)], [*range(33, 48, 2)]]
    assert 'Asked for 64 views' in output
    assert '80 of 80 views, asked again, agree with' in output
    assert contents(cache) == expected


def test_two_processes(config, tmp_path, port, make):
    """They write what one does, also after a signal to both."""
    run_tool(TOOL, config, '--cache', tmp_path / 'one')
    stopped = tmp_path / 'stopped.py'
    cfg = make()
    cfg.custom_imports.imports += ['tests.test_tools.interrupted_teacher']
    cfg.dump(stopped)
    first, second = run_on_two(
        port, TOOL, stopped, '--cache', tmp_path / 'two', code=143)
    assert f'SIGTERM: what was asked is in {tmp_path}/two' in first
    assert 'SIGTERM' not in second
    rows = np.load(tmp_path / 'two/epoch_0000.npy')
    assert (rows != 0).sum() >= 2 * 8 * 2
    first, second = run_on_two(port, TOOL, config, '--cache', tmp_path / 'two')
    assert 'of epochs 0-2' in first and 'of epochs' not in second
    assert contents(tmp_path / 'two') == contents(tmp_path / 'one')


def spoil(path, number):
    """Give some views another label of the four."""
    rows = np.load(path, mmap_mode='r+')
    rows[:number] = rows[:number] % 4 + 1
    rows.flush()


def test_what_a_signal_stops_goes_on(tmp_path, config):
    cache = tmp_path / 'cache'
    with mock.patch.object(Teacher, 'forward', interrupted(Teacher.forward)):
        output = run_tool(TOOL, config, '--cache', cache, code=143)
    line, = [line for line in output.splitlines() if 'SIGTERM' in line]
    assert line == (f'SIGTERM: what was asked is in {cache}: the same command '
                    'goes on')
    known = (np.load(cache / 'epoch_0000.npy') != 0).sum()
    assert known >= 4 * 8  # the first is to see that it answers
    output = run_tool(TOOL, config, '--cache', cache)
    assert f'Asked for {144 - known} views' in output
    run_tool(TOOL, config, '--cache', tmp_path / 'whole')
    assert contents(cache) == contents(tmp_path / 'whole')


def test_info_and_check(config, tmp_path, make):
    cache = tmp_path / 'cache'
    run_tool(TOOL, config, '--cache', cache, '--epochs', '0-1')
    rows = np.load(cache / 'epoch_0001.npy', mmap_mode='r+')
    rows[:12] = 0
    rows.flush()
    before = contents(cache)
    output = run_tool(TOOL, config, '--cache', cache, '--info')
    for line in (
            f'{cache}: labels of 4 classes, 2 bytes a view, 48 views an epoch',
            'seed 0; teacher: ResNet_CIFAR (', 'epoch 0: 48 views (all)',
            'epoch 1: 36 views (75.0%)', f'it is for {config}'):
        assert line in output
    output = run_tool(TOOL, config, '--cache', cache, '--info', '--cfg-options',
                      'train_dataloader.dataset.pipeline.4.erase_prob=0.25')
    assert ('dataset.pipeline[4].erase_prob was 0.5, and is 0.25' in output)
    assert 'it is for' not in output

    output = run_tool(TOOL, config, '--cache', cache, '--check', 20)
    assert f'24 of 24 views, asked again, agree with {cache}' in output
    assert contents(cache) == before
    spoil(cache / 'epoch_0000.npy', 10)
    output = run_tool(TOOL, config, '--cache', cache, '--check', code=1)
    assert (f'error: the cache {cache} is not of this teacher: 10 of 80 views '
            '(12.5%) have another label, and rounding explains 5%' in output)
    assert 'agree with' in run_tool(
        TOOL, config, '--cache', cache, '--check', '--epochs', 1)
    assert 'has no answers to check' in run_tool(
        TOOL, config, '--cache', cache, '--check', '--epochs', 2)


def test_epochs_that_recur_and_iterations(tmp_path, make, written):
    config = tmp_path / 'config.py'
    make(train_cfg=dict(type='mmdeit.EpochBasedTrainLoop', max_epochs=9,
                        recycle=2)).dump(config)
    run_tool(TOOL, config, '--cache', tmp_path / 'cache')
    assert [epoch for epoch, _ in written] == [0] * 6 + [1] * 6
    make(train_cfg=dict(type='mmdeit.IterBasedTrainLoop',
                        max_iters=4)).dump(config)
    written.clear()
    output = run_tool(TOOL, config, '--cache', tmp_path / 'other')
    assert [epoch for epoch, _ in written] == [0] * 6 + [1] * 2
    assert 'has all answers of epochs 0-1' in output


@pytest.mark.parametrize('arguments, settings, message', [
    (['--epochs', '0-3'], [],
     '--epochs has 3: the last one of the training, counted from 0, is 2'),
    (['--epochs', '2'], ['train_cfg.recycle=2'],
     'counted from 0, is 1, as train_cfg.recycle says'),
    ([], ['default_hooks.teacher=None', 'model.head.loss.mode=none'],
     'config.py has no teacher: add default_hooks.teacher='),
    ([], ['train_cfg.type=mmengine.EpochBasedTrainLoop'],
     "set train_cfg.type='mmdeit.EpochBasedTrainLoop'"),
    (['--info'], [], 'correct the folder, or fill it without --info'),
])
def test_bad_input(arguments, settings, message, config, tmp_path):
    output = run_tool(
        TOOL, config, '--cache', tmp_path / 'cache', *arguments,
        *(['--cfg-options', *settings] if settings else []), code=1)
    assert message in output and output.startswith('error: ')
    assert len(output.splitlines()) == 1
    assert not (tmp_path / 'cache').exists()


def test_bad_caches(config, tmp_path, monkeypatch):
    assert f'error: {config} has no cache: give --cache DIR' in run_tool(
        TOOL, config, code=1)
    assert 'is no cache of answers: give an empty folder' in run_tool(
        TOOL, config, '--cache', ROOT / 'tools', code=1)
    cache = tmp_path / 'cache'
    run_tool(TOOL, config, '--cache', cache, '--epochs', 0)
    assert 'group_size was 4, and is 2: set it as it was' in run_tool(
        TOOL, config, '--cache', cache, '--cfg-options',
        'model.data_preprocessor.group_size=2', code=1)
    assert '--top-k is 5, and the cache' in run_tool(
        TOOL, config, '--cache', cache, '--top-k', 5, code=1)
    access = os.access
    monkeypatch.setattr(
        os, 'access', lambda path, mode: path != cache and access(path, mode))
    assert f'--cache {cache}: {cache} cannot be written' in run_tool(
        TOOL, config, '--cache', cache, code=1)


def test_how_far_it_is(config, tmp_path, monkeypatch):
    """A bar in a terminal, lines elsewhere."""
    output = run_tool(
        TOOL, config, '--cache', tmp_path / 'one', FORCE_COLOR='1')
    bar = re.sub('\x1b[^mhlKA]*[mhlKA]', '', output)
    assert re.search(r'Asking the teacher .* 144/144 [\d,]+ images per second '
                     r'0:00:00', bar)
    monkeypatch.setattr('mmdeit.cache.fill.LOGGED', 0)
    output = run_tool(TOOL, config, '--cache', tmp_path / 'two')
    assert re.search(r'INFO - 136 of 144 views, [\d,]+ images per second, '
                     '0:00:00 left', output)


def test_a_full_disk(config, tmp_path, monkeypatch):
    def fail(*_):
        raise OSError(errno.ENOSPC, 'No space left on device')

    monkeypatch.setattr(AnswerFiles, 'write', fail)
    cache = tmp_path / 'cache'
    output = run_tool(TOOL, config, '--cache', cache, code=1)
    assert output.splitlines()[-1] == (
        f'error: {cache} cannot be written (No space left on device): make '
        'room there, and give the same command again')


@pytest.mark.parametrize('arguments, message', [
    (['--epochs', '9-5'], '9-5 runs backwards: give 5-9'),
    (['--epochs', '1-'], "'1-': give epochs as in '7', '0-49' or '0,3,5-9'"),
    (['--epochs', '-3'], "'-3': give epochs as in"),
    (['--top-k', '0'], "'0': give a number from 1"),
    (['--info', '--check'], 'not allowed with argument'),
    (['--check', '--launcher', 'slurm'], 'leave out --launcher'),
])
def test_bad_arguments(arguments, message):
    arguments = [f'{arguments[0]}={arguments[1]}'
                 ] if arguments[0] == '--epochs' else arguments
    assert message in run_tool(TOOL, 'config.py', *arguments, code=2)


def test_views_of_a_cache_are_drawn(config, tmp_path):
    """Of its seed, with its answers; none is begun."""
    cache, browse = tmp_path / 'cache', 'tools/analysis_tools/browse_views.py'
    run_tool(TOOL, config, '--cache', cache, '--epochs', 1)
    before = contents(cache)
    arguments = [browse, config, '--out', tmp_path / 'views.png', '--number', 4,
                 '--epoch', 2, '--cfg-options', 'train_cfg.recycle=1',
                 'randomness.seed=5']
    setting = 'default_hooks.teacher.cache='
    for options in ([], ['--no-teacher']):
        output = run_tool(*arguments, f'{setting}{cache}', *options)
        assert '(epoch 2, views 0 to 3 of 48, seed 0)' in output
    output = run_tool(*arguments, f'{setting}{tmp_path}/none')
    assert 'of 48, seed 5)' in output and not (tmp_path / 'none').exists()
    assert 'seed was 0, and is 7' in run_tool(
        *arguments, f'{setting}{cache}', '--seed', 7, code=1)
    assert contents(cache) == before
