"""A work directory is locked; see also test_tools/test_interrupted.py."""
import errno
import fcntl
import logging
import os

import pytest
from mmengine.config import Config

from mmdeit.cli import lock_work_dir, name_full_disk


def fail(number):
    def lockf(*_):
        raise OSError(number, os.strerror(number))

    return lockf


@pytest.fixture
def cfg(tmp_path):
    return Config(dict(work_dir=str(tmp_path / 'a/work'), launcher='none'))


def test_is_free_again_afterwards(cfg):
    for _ in range(2):
        with lock_work_dir(cfg), open(f'{cfg.work_dir}/.lock') as file:
            assert file.read().startswith(f'process {os.getpid()} on ')


@pytest.mark.parametrize('number', [errno.EACCES, errno.EAGAIN])
def test_in_use(cfg, monkeypatch, number):
    os.makedirs(cfg.work_dir)
    with open(f'{cfg.work_dir}/.lock', 'w') as file:
        file.write('process 1 on elsewhere')
    monkeypatch.setattr(fcntl, 'lockf', fail(number))
    with pytest.raises(ValueError, match=r'/work is in use by another training '
                       r'\(process 1 on elsewhere\): stop that one, or give'):
        with lock_work_dir(cfg):
            pass


def test_no_folder(cfg, tmp_path):
    (tmp_path / 'a').touch()
    with pytest.raises(OSError, match=r'^cannot write in .*/a/work \(Not a '
                       r'directory\): make it writable, or give another --wo'):
        with lock_work_dir(cfg):
            pass


def test_a_file_system_without_locks(cfg, monkeypatch, capsys):
    monkeypatch.setattr(fcntl, 'lockf', fail(errno.ENOLCK))
    with lock_work_dir(cfg):
        pass
    assert ' cannot be locked (No locks available): do not start a second ' in (
        capsys.readouterr().out)


def test_only_the_first_process_locks(cfg, monkeypatch):
    monkeypatch.setenv('RANK', '1')
    monkeypatch.setattr(fcntl, 'lockf', fail(errno.EAGAIN))
    cfg.launcher = 'pytorch'
    with lock_work_dir(cfg):
        pass


@pytest.mark.parametrize('error, line', [
    (OSError(errno.ENOSPC, 'No space left on device'),
     'cannot write in work (No space left on device): free space there and go '
     'on by --resume'),
    (OSError(errno.EDQUOT, 'Disk quota exceeded', 'work/log'),
     'cannot write work/log (Disk quota exceeded): free space there and go on '
     'by --resume'),
    (OSError('what is said already'), 'what is said already'),
])
def test_names_the_full_disk(monkeypatch, error, line):
    monkeypatch.setattr(logging, 'raiseExceptions', True)
    with pytest.raises(OSError) as caught, name_full_disk('work'):
        raise error
    assert str(caught.value) == line
    assert not logging.raiseExceptions


def test_another_process_is_refused(cfg):
    with lock_work_dir(cfg):
        child = os.fork()
        if child == 0:
            try:
                with lock_work_dir(cfg):
                    os._exit(1)
            except ValueError:
                os._exit(0)
        assert os.waitpid(child, 0)[1] == 0
