"""Kill trainings with SIGKILL while they fill a cache of answers.

    python -m tests.stress.kill_caching --kills 30

Each training is a process that runs tools/train.py for seconds, with two
workers, everything that is random in the recipe (``tests/recipe.py``) and a
teacher whose answers it writes after each iteration. Some kills come at any
time, from outside. The others hit a step of the writing: the process counts its
own calls of ``os.fsync``, ``os.link`` and ``os.pwrite``, and kills itself at
the chosen one; what is hit while it is written loses its end.

After each kill what was known before has to be known, and each answer that is
known has to be the teacher's. What is killed goes on by ``--resume`` until it
is killed again or finished: then bit for bit as one that was never killed, with
the same cache.
"""
import argparse
import os
import random
import shutil
import signal
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from mmengine.utils import ProgressBar

from mmdeit.cache.answers import known
from tests.forked import Training
from tests.pictures import write_pictures
from tests.recipe import assert_ends_alike, recipe
from tests.test_cache.conftest import write_teacher

ANY_TIME = 'any time'
STEPS = ('index half written', 'index named', 'epoch half written',
         'epoch named', 'row half written', 'row written')
EPOCH = 3  # iterations


@dataclass
class Kill:
    """A kill, and what it left.

    Attributes:
        moment (str): One of ``STEPS``, or ``ANY_TIME``.
        answers (int): How many were known after it.
        more (int): How many of them were not known before.
    """
    moment: str
    answers: int = 0
    more: int = 0


def kill_at(step: str, count: int, left: float) -> Callable[[], None]:
    """Make this process kill itself at a step of the writing.

    Args:
        step (str): One of ``STEPS``.
        count (int): At its first, second, ... time.
        left (float): The part that is left of what is half written.
    """
    calls = dict(fsync=os.fsync, link=os.link, pwrite=os.pwrite)
    seen = 0

    def reached(what: str) -> bool:
        nonlocal seen
        seen += what == step
        return what == step and seen == count

    def named(path: str | Path) -> str:
        name = Path(path).name
        return 'index' if name.startswith('cache.json') else (
            'epoch' if name.startswith('epoch_') else '')

    def die() -> None:
        os.kill(os.getpid(), signal.SIGKILL)

    def fsync(file: int) -> None:
        path = os.readlink(f'/proc/self/fd/{file}')
        if reached(f'{named(path)} half written'):
            os.truncate(path, int(left * os.path.getsize(path)))
            die()
        calls['fsync'](file)

    def link(source: Path, target: Path) -> None:
        calls['link'](source, target)
        if reached(f'{named(target)} named'):
            die()

    def pwrite(file: int, row: bytes, offset: int) -> None:
        if reached('row half written'):
            calls['pwrite'](file, row[:int(left * len(row))], offset)
            die()
        calls['pwrite'](file, row, offset)
        if reached('row written'):
            die()

    def prepare() -> None:
        os.fsync, os.link, os.pwrite = fsync, link, pwrite

    return prepare


def run(folder: Path, kill: Kill | None, rng: random.Random,
        seconds: float = 0.) -> Training:
    """Train, or resume, until the kill or the end.

    Args:
        folder (Path): Of the config, the log, the work directory, the cache.
        kill (Kill, optional): None trains to the end.
        rng (random.Random): Chooses the time of the kill.
        seconds (float): Within which it is killed at any time.
    """
    arguments = [folder / 'config.py', '--resume', '--work-dir',
                 folder / 'work']
    if kill is None or kill.moment == ANY_TIME:
        training = Training(folder / 'log', *arguments)
        if kill:
            time.sleep(rng.uniform(0, seconds))
            os.kill(training.process.pid, signal.SIGKILL)
        return training
    most = dict(index=1, epoch=2, row=60)[kill.moment.split()[0]]
    prepare = kill_at(kill.moment, rng.randint(1, most), rng.random())
    return Training(folder / 'log', *arguments, prepare=prepare)


def answers(cache: Path, expected: Path) -> set[tuple[int, int]]:
    """Epochs and positions that are known, each as it is expected."""
    found = set()
    for path in cache.glob('epoch_*.npy'):
        rows, right = np.load(path), np.load(expected / path.name)
        there = known(rows)
        assert rows[there].tobytes() == right[there].tobytes(), path.name
        epoch = int(path.stem.removeprefix('epoch_'))
        found |= {(epoch, int(position)) for position in there.nonzero()[0]}
    return found


def check_finished(folder: Path, epochs: int) -> None:
    """It ends like a training that was never killed, and so does its cache."""
    assert_ends_alike(folder / f'work/iter_{EPOCH * epochs}.pth',
                      folder / 'undisturbed.pth')
    for path in (folder / 'expected').glob('epoch_*.npy'):
        assert (folder / 'cache' / path.name).read_bytes() == path.read_bytes()


def kill_cachings(folder: Path, kills: list[Kill], seed: int,
                  epochs: int) -> Iterator[Kill]:
    """Kill trainings, each until it is finished, and yield the kills.

    Args:
        folder (Path): For their files.
        kills (list[Kill]): In this order.
        seed (int): Of the times of the kills.
        epochs (int): Of each training, three iterations each.

    Raises:
        AssertionError: If an answer is lost or invented, or a training ends in
            another way.
    """
    rng = random.Random(seed)
    write_config(folder, epochs)
    start = time.monotonic()
    undisturbed = run(folder, None, rng)
    assert undisturbed.end() == 0, undisturbed.output
    seconds = time.monotonic() - start
    (folder / f'work/iter_{EPOCH * epochs}.pth').rename(
        folder / 'undisturbed.pth')
    (folder / 'cache').rename(folder / 'expected')
    kills = kills.copy()
    while kills:
        shutil.rmtree(folder / 'work', ignore_errors=True)
        shutil.rmtree(folder / 'cache', ignore_errors=True)
        there, code = set(), None
        while code != 0:
            kill = kills[0] if kills else None
            training = run(folder, kill, rng, seconds)
            code = training.end()
            before, there = there, answers(folder / 'cache',
                                           folder / 'expected')
            assert there >= before, before - there
            if code == 0:
                check_finished(folder, epochs)
                break
            assert code == -signal.SIGKILL, training.output
            kill.answers, kill.more = len(there), len(there) - len(before)
            yield kills.pop(0)


def write_config(folder: Path, epochs: int) -> None:
    """Write the pictures, the teacher and the config of the trainings."""
    cfg = recipe(
        write_pictures(folder / 'pictures', 48),
        train_cfg=dict(
            type='mmdeit.EpochBasedTrainLoop', max_epochs=epochs),
        log_level='INFO')
    cfg.model.head.loss.mode = 'soft'
    cfg.default_hooks.teacher = dict(
        type='mmdeit.TeacherHook', preflight=0,
        teacher=write_teacher(folder / 'teacher.pth'),
        cache=dict(folder=str(folder / 'cache'), top_k=2))
    cfg.train_dataloader.num_workers = 2
    cfg.default_hooks.checkpoint.interval = 2
    cfg.dump(folder / 'config.py')


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument('--kills', type=int, default=30)
    parser.add_argument('--seed', type=int, default=0)
    args = parser.parse_args()
    # Four of ten at any time.
    moments = (*STEPS, *4 * [ANY_TIME])
    kills = [Kill(moments[i % len(moments)]) for i in range(args.kills)]
    random.Random(args.seed).shuffle(kills)
    progress = ProgressBar(len(kills))
    with tempfile.TemporaryDirectory() as folder:
        for _ in kill_cachings(Path(folder), kills, args.seed, epochs=8):
            progress.update()
    print('\n\nNo answer was lost, none invented.\n\n'
          '| killed at | kills | answers there | of them new |\n'
          '| --- | ---: | ---: | ---: |')
    for moment in (*STEPS, ANY_TIME, 'all'):
        hit = [kill for kill in kills if moment in (kill.moment, 'all')]
        print(f'| {moment} | {len(hit)} | {sum(kill.answers for kill in hit)} '
              f'| {sum(kill.more for kill in hit)} |')


if __name__ == '__main__':
    main()
