"""Asking a teacher for the views of a training, without a student."""
import signal
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta

import numpy as np
from mmengine.dist import get_world_size, is_main_process
from mmengine.runner import Runner
from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TimeRemainingColumn,
)

from mmdeit.datasets.views import View
from mmdeit.loops.passes import TrainLoop, num_views, passes_of, prepare_passes

from .answers import AnswerFiles
from .check import known_passes
from .teacher_cache import TeacherCache

WRITTEN = 1  # every so many seconds, as the device has to be waited for
LOGGED = 60  # every so many seconds, where there is no terminal


def missing_passes(files: AnswerFiles, loop: TrainLoop,
                   epoch: int) -> np.ndarray:
    """Which passes of this process to ask for: (iterations, passes)."""
    known = files.known(epoch)
    known[num_views(loop, epoch):] = True
    return ~known_passes(known, loop)


def ask_passes(runner: Runner, cache: TeacherCache,
               missing: dict[int, np.ndarray]) -> int:
    """Ask for the passes of some epochs, and write the answers.

    Args:
        runner (Runner): Its model's preprocessor asks the cache.
        cache (TeacherCache): Has a teacher.
        missing (dict): By epoch, see :func:`missing_passes`.

    Returns:
        int: How many views this process has asked for.
    """
    asked, loop, processes = 0, runner.train_loop, get_world_size()
    total = processes * loop.plan.pass_size * int(
        sum(places.sum() for places in missing.values()))
    start = written = logged = time.monotonic()
    with show_progress(total) as progress, note_signals() as signals:
        for inputs, _ in prepare_passes(runner, find_views(loop, missing)):
            asked += len(inputs)
            now = time.monotonic()
            if signals or now - written > WRITTEN:
                write(cache)
                written = now
            if signals:
                sys.exit(128 + signals[0])
            done = asked * processes
            rate = done / (now - start)
            progress.update(
                progress.task_ids[0], completed=min(done, total), rate=rate)
            if progress.disable and now - logged > LOGGED:
                logged = now
                left = timedelta(seconds=round((total - done) / rate))
                runner.logger.info(f'{done:,} of {total:,} views, {rate:,.0f} '
                                   f'images per second, {left} left')
    write(cache)
    return asked


def write(cache: TeacherCache) -> None:
    """Write what was asked.

    Raises:
        OSError: With what to do.
    """
    try:
        cache.write()
    except OSError as error:
        raise OSError(
            f'{cache} cannot be written ({error.strerror}): make room there, '
            'and give the same command again') from error


def find_views(loop: TrainLoop,
               missing: dict[int, np.ndarray]) -> Iterator[list[View]]:
    """The views of each pass that is missing."""
    for epoch, places in missing.items():
        wanted = np.flatnonzero(places).tolist()
        if not wanted:
            continue
        first, end = wanted[0] // loop.plan.passes, len(places)
        passes = passes_of(loop, epoch, range(first, end))
        wanted = set(wanted)
        for number, views in enumerate(passes, first * loop.plan.passes):
            if number in wanted:
                yield views


@contextmanager
def show_progress(total: int) -> Iterator[Progress]:
    """A bar in the terminal of the first process."""
    console = Console(stderr=True)
    columns = ('Asking the teacher', BarColumn(), MofNCompleteColumn(),
               '{task.fields[rate]:,.0f} images per second',
               TimeRemainingColumn())
    with Progress(
            *columns,
            console=console,
            disable=not (console.is_terminal and is_main_process())) as bar:
        bar.add_task('', total=total, rate=0.)
        yield bar


@contextmanager
def note_signals() -> Iterator[list[int]]:
    """The signals that a further process has got, which then has to write.

    The first one ends by its last words.
    """
    numbers: list[int] = []
    handlers = {} if is_main_process() else {
        number: signal.signal(number, lambda number, _: numbers.append(number))
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGUSR1)
        if signal.getsignal(number) is not signal.SIG_IGN
    }
    try:
        yield numbers
    finally:
        for number, handler in handlers.items():
            signal.signal(number, handler)
