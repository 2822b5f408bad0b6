"""Kill trainings with SIGKILL, resume them, and see that nothing is lost.

    python -m tests.stress.kill_training --kills 60 --max-keep-ckpts 1 3

Each training is a process that runs tools/train.py on a student that trains
for a second, and each kill a SIGKILL. Some come at any time, from outside. The
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

from tests.forked import Training, write_config

ANY_TIME = 'any time'
STEPS = (
    'checkpoint half written', 'checkpoint written', 'checkpoint named',
    'pointer half written', 'pointer written', 'pointer named',
    'old checkpoint removed')
SECONDS = 2  # about how long a training takes


@dataclass
class Kill:
    """A kill, and what it left.

    Attributes:
        moment (str): One of ``STEPS``, or ``ANY_TIME``.
        keep (int): ``max_keep_ckpts`` of the training.
        epoch (int): Of the newest whole checkpoint; 0 if there was none.
    """
    moment: str
    keep: int
    epoch: int = 0


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


def run(folder: Path, kill: Kill | None, keep: int,
        rng: random.Random) -> Training:
    """Train, or resume, until the kill or the end."""
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
    time.sleep(rng.uniform(0, SECONDS))
    os.kill(training.process.pid, signal.SIGKILL)
    return training


def whole_epochs(folder: Path) -> list[int]:
    """Epochs of the checkpoints to keep; whatever has their name is whole."""
    epochs = [0]
    for path in folder.glob('*.pth'):
        damaged = zipfile.ZipFile(path).testzip()
        assert damaged is None, f'{path.name} is torn'
        meta = torch.load(path, weights_only=True)['meta']
        if path.name.startswith('epoch_'):
            epochs.append(meta['epoch'])
    return sorted(epochs)


def check_resumed(output: str, epoch: int) -> None:
    """It has gone on from the newest whole checkpoint."""
    if 'Epoch(train)' in output:  # or it was killed before
        assert (f'resumed epoch: {epoch}, ' if epoch else
                'Nothing to resume in') in output, output


def check_finished(folder: Path, keep: int, expected: dict) -> None:
    """It ends like a training that was never killed, and is tidy."""
    *_, epoch = epochs = whole_epochs(folder)
    assert len(epochs) - 1 <= keep, epochs
    assert not list(folder.glob('*.part'))
    pointed = (folder / 'last_checkpoint').read_text()
    assert pointed == f'{folder}/epoch_{epoch}.pth'
    found = torch.load(pointed, weights_only=True)
    for part in ('state_dict', 'ema_state_dict'):
        for name, value in expected[part].items():
            assert torch.equal(found[part][name], value), name


def kill_trainings(folder: Path, kills: list[Kill], seed: int,
                   epochs: int) -> Iterator[Kill]:
    """Kill trainings, each until it is finished, and yield the kills.

    Args:
        folder (Path): For their files.
        kills (list[Kill]): In this order; one training has one ``keep``.
        seed (int): Of the times of the kills.
        epochs (int): Of each training, four iterations each.

    Raises:
        AssertionError: If one does not go on as it should.
    """
    rng = random.Random(seed)
    write_config(
        folder / 'config.py',
        train_cfg=dict(
            type='mmdeit.EpochBasedTrainLoop', max_epochs=epochs))
    undisturbed = run(folder, None, -1, rng)
    assert undisturbed.end() == 0, undisturbed.output
    expected = torch.load(
        folder / f'work/epoch_{epochs}.pth', weights_only=True)
    kills = kills.copy()
    while kills:
        shutil.rmtree(folder / 'work')
        keep, epoch, code = kills[0].keep, 0, None
        while code != 0:
            kill = next((kill for kill in kills[:1] if kill.keep == keep), None)
            training = run(folder, kill, keep, rng)
            code = training.end()
            check_resumed(training.output, epoch)
            if code == 0:
                check_finished(folder / 'work', keep, expected)
                break
            assert code == -signal.SIGKILL, training.output
            *_, kill.epoch = found = whole_epochs(folder / 'work')
            begun = re.findall('Saving checkpoint at (.*) ep', training.output)
            epoch = max([epoch, *(int(save) - 1 for save in begun)])
            assert kill.epoch >= epoch and len(found) - 1 <= keep + 1, found
            epoch = kill.epoch
            yield kills.pop(0)


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
        hit = [kill.epoch for kill in kills if moment in (kill.moment, 'all')]
        print(f'| {moment} | {len(hit)} | {sum(map(bool, hit))} | '
              f'{hit.count(0)} |')


if __name__ == '__main__':
    main()
