"""Kill trainings with SIGKILL, resume them, and see that nothing is lost.

    python -m tests.stress.kill_training --kills 60 --max-keep-ckpts 1 3

Each training is a process that runs tools/train.py for seconds, with two
workers and everything that is random in the recipe (``tests/recipe.py``). It
saves in the middle of epochs, too, and has to end bit for bit as one that was
never killed. Each kill is a SIGKILL. Some come at any time, from outside. The
others hit a step of a save: to hit it each time, the process counts its own
calls of ``os.fsync``, ``os.replace`` and ``os.remove``, and kills itself at the
chosen one; a file that is hit while it is written loses its end. What is
killed goes on by ``--resume`` until it is killed again or finished.
"""
import argparse
import os
import random
import re
import shutil
import signal
import tempfile
import time
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import torch
from mmengine.utils import ProgressBar

from tests.forked import Training
from tests.pictures import write_pictures
from tests.recipe import assert_ends_alike, recipe, validation

ANY_TIME = 'any time'
STEPS = (
    'checkpoint half written', 'checkpoint written', 'checkpoint named',
    'pointer half written', 'pointer written', 'pointer named',
    'old checkpoint removed')
EPOCH = 3  # iterations
INTERVAL = 2  # iterations between two saves


@dataclass
class Kill:
    """A kill, and what it left.

    Attributes:
        moment (str): One of ``STEPS``, or ``ANY_TIME``.
        keep (int): ``max_keep_ckpts`` of the training.
        iteration (int): Of the newest whole checkpoint; 0 if there was none.
    """
    moment: str
    keep: int
    iteration: int = 0


def kill_at(step: str, count: int, left: float) -> Callable[[], None]:
    """Make this process kill itself at a step of a save.

    Args:
        step (str): One of ``STEPS``.
        count (int): At its first, second, ... time.
        left (float): The part of a half written file that is left.
    """
    calls = dict(fsync=os.fsync, replace=os.replace, remove=os.remove)
    seen = 0

    def reached(path: str, what: str) -> bool:
        nonlocal seen
        name = os.path.basename(path)
        if '.pth' not in name and not name.startswith('last_checkpoint'):
            return False
        kind = 'checkpoint' if '.pth' in name else 'pointer'
        if what == 'removed':
            kind = 'old checkpoint'
        seen += f'{kind} {what}' == step
        return f'{kind} {what}' == step and seen == count

    def die() -> None:
        os.kill(os.getpid(), signal.SIGKILL)

    def fsync(file: int) -> None:
        path = os.readlink(f'/proc/self/fd/{file}')
        if reached(path, 'half written'):
            os.truncate(path, int(left * os.path.getsize(path)))
            die()
        calls['fsync'](file)
        if reached(path, 'written'):
            die()

    def replace(source: str, target: str) -> None:
        calls['replace'](source, target)
        if reached(target, 'named'):
            die()

    def remove(path: str) -> None:
        calls['remove'](path)
        if reached(path, 'removed'):
            die()

    def prepare() -> None:
        os.fsync, os.replace, os.remove = fsync, replace, remove

    return prepare


def run(folder: Path, kill: Kill | None, keep: int, rng: random.Random,
        seconds: float = 0.) -> Training:
    """Train, or resume, until the kill or the end.

    Args:
        folder (Path): Of the config, the log and the work directory.
        kill (Kill, optional): None trains to the end.
        keep (int): ``max_keep_ckpts`` of the training.
        rng (random.Random): Chooses the time of the kill.
        seconds (float): Within which it is killed at any time.
    """
    arguments = [
        folder / 'config.py', '--resume', '--work-dir', folder / 'work',
        '--cfg-options', f'default_hooks.checkpoint.max_keep_ckpts={keep}',
        'default_hooks.checkpoint.save_best=auto'
    ]
    if kill is None:
        return Training(folder / 'log', *arguments)
    if kill.moment != ANY_TIME:
        prepare = kill_at(kill.moment, rng.randint(1, 3), rng.random())
        return Training(folder / 'log', *arguments, prepare=prepare)
    training = Training(folder / 'log', *arguments)
    time.sleep(rng.uniform(0, seconds))
    os.kill(training.process.pid, signal.SIGKILL)
    return training


def whole_checkpoints(folder: Path) -> list[int]:
    """Iterations of those to keep; whatever has their name is whole."""
    iterations = [0]
    for path in folder.glob('*.pth'):
        damaged = zipfile.ZipFile(path).testzip()
        assert damaged is None, f'{path.name} is torn'
        meta = torch.load(path, weights_only=True)['meta']
        if path.name.startswith('iter_'):
            iterations.append(meta['iter'])
    return sorted(iterations)


def check_resumed(output: str, iteration: int) -> None:
    """It has gone on from the newest whole checkpoint, at the next step."""
    trained = re.search(r'Epoch\(train\) +\[(\d+)\]\[(\d+)/', output)
    if not trained:
        return  # it was killed before
    assert (f', iter: {iteration}\n' if iteration else
            'Nothing to resume in') in output, output
    epoch, step = map(int, trained.groups())
    assert (epoch - 1) * EPOCH + step == iteration + 1, output


def check_finished(folder: Path, keep: int, expected: Path) -> None:
    """It ends like a training that was never killed, and is tidy."""
    *_, last = iterations = whole_checkpoints(folder)
    assert len(iterations) - 1 <= keep, iterations
    assert not list(folder.glob('*.part'))
    pointed = Path((folder / 'last_checkpoint').read_text())
    assert pointed == folder / f'iter_{last}.pth'
    assert_ends_alike(pointed, expected)


def kill_trainings(folder: Path, kills: list[Kill], seed: int,
                   epochs: int) -> Iterator[Kill]:
    """Kill trainings, each until it is finished, and yield the kills.

    Args:
        folder (Path): For their files.
        kills (list[Kill]): In this order; one training has one ``keep``.
        seed (int): Of the times of the kills.
        epochs (int): Of each training, three iterations each.

    Raises:
        AssertionError: If one does not go on as it should.
    """
    rng = random.Random(seed)
    write_config(folder, epochs)
    start = time.monotonic()
    undisturbed = run(folder, None, -1, rng)
    assert undisturbed.end() == 0, undisturbed.output
    seconds = time.monotonic() - start
    expected = folder / 'undisturbed.pth'
    (folder / f'work/iter_{EPOCH * epochs}.pth').rename(expected)
    kills = kills.copy()
    while kills:
        shutil.rmtree(folder / 'work')
        keep, iteration, code = kills[0].keep, 0, None
        while code != 0:
            kill = kills[0] if kills and kills[0].keep == keep else None
            training = run(folder, kill, keep, rng, seconds)
            code = training.end()
            check_resumed(training.output, iteration)
            if code == 0:
                check_finished(folder / 'work', keep, expected)
                break
            assert code == -signal.SIGKILL, training.output
            *_, kill.iteration = found = whole_checkpoints(folder / 'work')
            begun = re.findall('Saving checkpoint at (.*) it', training.output)
            iteration = max([iteration, *(int(save) - INTERVAL
                                          for save in begun)])
            assert kill.iteration >= iteration, found
            assert len(found) - 1 <= keep + 1, found
            iteration = kill.iteration
            yield kills.pop(0)


def write_config(folder: Path, epochs: int) -> None:
    """Write the pictures and the config of the trainings."""
    pictures = write_pictures(folder / 'pictures', 48)
    cfg = recipe(
        pictures,
        train_cfg=dict(
            type='mmdeit.EpochBasedTrainLoop', max_epochs=epochs),
        log_level='INFO',
        **validation(pictures))
    cfg.train_dataloader.num_workers = 2
    cfg.default_hooks.checkpoint.interval = INTERVAL
    cfg.dump(folder / 'config.py')


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument('--kills', type=int, default=60)
    parser.add_argument('--max-keep-ckpts', type=int, nargs='+', default=[1, 3])
    parser.add_argument('--seed', type=int, default=0)
    args = parser.parse_args()
    # Three of ten at any time, six while a file or the pointer is written.
    moments = (*STEPS, ANY_TIME, ANY_TIME, ANY_TIME)
    kills = sorted((Kill(moments[i % len(moments)],
                         args.max_keep_ckpts[i // len(moments) %
                                             len(args.max_keep_ckpts)])
                    for i in range(args.kills)), key=lambda kill: kill.keep)
    progress = ProgressBar(len(kills))
    with tempfile.TemporaryDirectory() as folder:
        for _ in kill_trainings(Path(folder), kills, args.seed, epochs=8):
            progress.update()
    print('\n\n| killed at | kills | went on from a checkpoint | from the '
          'beginning, having none |\n| --- | ---: | ---: | ---: |')
    for moment in (*STEPS, ANY_TIME, 'all'):
        hit = [kill.iteration for kill in kills
               if moment in (kill.moment, 'all')]
        print(f'| {moment} | {len(hit)} | {sum(map(bool, hit))} | '
              f'{hit.count(0)} |')


if __name__ == '__main__':
    main()
