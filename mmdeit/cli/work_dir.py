"""A work directory has one training at a time, and room for it."""
import contextlib
import errno
import fcntl
import logging
import os
import socket
from collections.abc import Iterator
from pathlib import Path

from mmengine.config import Config
from mmengine.logging import print_log
from mmengine.utils import mkdir_or_exist

from mmdeit.files import NO_SPACE

from .launcher import is_first_process

_HELD = (errno.EACCES, errno.EAGAIN)


@contextlib.contextmanager
def lock_work_dir(cfg: Config) -> Iterator[None]:
    """Keep other trainings out of the work directory of a config.

    A POSIX record lock ends with its process, however that ends; dataloader
    workers that outlive it hold none, as they would one of ``flock``. The
    first process of a job takes it. Where the file system has no locks, the
    log says so.

    Raises:
        ValueError: If another process holds it.
        OSError: If nothing can be written there.
    """
    if not is_first_process(cfg.launcher):
        yield
        return
    try:
        mkdir_or_exist(cfg.work_dir)
        lock = Path(cfg.work_dir, '.lock').open('a+')
    except OSError as error:
        if error.errno in NO_SPACE:
            raise
        raise OSError(
            f'cannot write in {cfg.work_dir} ({error.strerror}): make it '
            'writable, or give another --work-dir') from error
    with lock:
        try:
            fcntl.lockf(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            if error.errno in _HELD:
                lock.seek(0)
                raise ValueError(
                    f'{cfg.work_dir} is in use by another training '
                    f'({lock.read().strip()}): stop that one, or give another '
                    '--work-dir') from error
            print_log(f'{cfg.work_dir} cannot be locked ({error.strerror}): '
                      'do not start a second training in it.')
        else:
            lock.truncate(0)
            lock.write(f'process {os.getpid()} on {socket.gethostname()}')
            lock.flush()
        yield


@contextlib.contextmanager
def name_full_disk(work_dir: str) -> Iterator[None]:
    """Say which disk is full, where Python says only that one is.

    The log, which cannot be written either, prints no traceback for each of
    its lines.

    Raises:
        OSError: In one line, with what to do.
    """
    logging.raiseExceptions = False
    try:
        yield
    except OSError as error:
        if error.errno not in NO_SPACE:
            raise
        raise OSError(
            f'cannot write {error.filename or f"in {work_dir}"} '
            f'({error.strerror}): free space there and go on by --resume'
        ) from error
