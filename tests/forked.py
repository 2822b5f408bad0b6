"""Trainings in processes of their own, without the start of a Python each.

A fork of this process, which has imported everything, runs ``tools/train.py``
as its main program. Signals, locks and exit codes are those of any process.
"""
import multiprocessing
import os
import runpy
import signal
import sys
import time
from collections.abc import Callable
from copy import deepcopy
from pathlib import Path

import matplotlib.backends.backend_agg  # noqa: F401
import matplotlib.figure  # noqa: F401
import torch
from mmengine.config import Config

import mmdeit.cli  # noqa: F401
import mmdeit.loops  # noqa: F401

from .conftest import STUDENT

TRAIN = Path(__file__).resolve().parents[1] / 'tools/train.py'


def write_config(path: Path, **others) -> Path:
    """Write the config of a small student: epochs of four iterations each.

    Nothing in it is random, so that a resumed run ends where a whole one does.
    """
    model = deepcopy(STUDENT)
    model['head']['loss']['mode'] = 'none'
    model['train_cfg'] = None
    loader = dict(
        batch_size=4, num_workers=0, dataset=dict(type='ToyDataset'))
    Config(
        dict(
            custom_imports=dict(imports=['tests.conftest']),
            default_scope='mmpretrain',
            model=model,
            train_dataloader=dict(
                sampler=dict(type='DefaultSampler', shuffle=True), **loader),
            val_dataloader=dict(
                sampler=dict(type='DefaultSampler', shuffle=False), **loader),
            val_evaluator=dict(type='mmdeit.HeadsAccuracy', topk=(1, )),
            val_cfg=dict(),
            optim_wrapper=dict(optimizer=dict(type='AdamW', lr=1e-2)),
            param_scheduler=dict(type='CosineAnnealingLR'),
            train_cfg=dict(
                type='mmdeit.EpochBasedTrainLoop', max_epochs=8),
            default_hooks=dict(
                logger=dict(type='LoggerHook', interval=1),
                checkpoint=dict(type='mmdeit.CheckpointHook', interval=1),
                ema=dict(type='mmdeit.EMAHook')),
            randomness=dict(seed=0)) | others).dump(path)
    return path


class Training:
    """A training in a process group of its own.

    Args:
        log (Path): Takes what it prints.
        *arguments: Those of ``tools/train.py``.
        prepare (Callable): Called in the process before it trains.

    Attributes:
        process (multiprocessing.Process): The training itself.
    """

    def __init__(self, log: Path, *arguments,
                 prepare: Callable = lambda: None) -> None:
        self.log = log
        self.process = multiprocessing.get_context('fork').Process(
            target=_main, args=(log, [*map(str, arguments)], prepare))
        self.process.start()

    def wait_for(self, condition: Callable[[], object]) -> None:
        """Wait until something is there; the training must not end before."""
        end = time.monotonic() + 60
        while not condition():
            assert self.process.is_alive() and time.monotonic() < end, (
                self.output)
            time.sleep(0.002)

    def end(self) -> int:
        """Wait for its end; the exit code, negative for a signal."""
        # join() would wait for workers that outlive it, too.
        end = time.monotonic() + 60
        while self.process.is_alive():
            assert time.monotonic() < end, self.output
            time.sleep(0.002)
        return self.process.exitcode

    @property
    def workers(self) -> list[int]:
        """The forks of it, which are not the git that mmengine starts."""
        pid = self.process.pid
        children = Path(f'/proc/{pid}/task/{pid}/children').read_text().split()
        command = Path(f'/proc/{pid}/cmdline')
        return [
            int(child) for child in children
            if Path(f'/proc/{child}/cmdline').read_text() == command.read_text()
        ]

    @property
    def output(self) -> str:
        """What it has printed so far."""
        return self.log.read_text() if self.log.exists() else ''


def _main(log: Path, arguments: list[str], prepare: Callable) -> None:
    os.setsid()
    # Where the tests run in the background, it is ignored.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    sys.stdout = sys.stderr = log.open('w', buffering=1)
    for number in (1, 2):
        os.dup2(sys.stdout.fileno(), number)
    # The threads of the parent are not in a fork.
    torch.set_num_threads(1)
    sys.argv = [str(TRAIN), *arguments]
    prepare()
    runpy.run_path(str(TRAIN), run_name='__main__')
