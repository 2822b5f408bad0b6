"""Trainings that take turns, each in a process of its own.

While one trains, the others wait: each has the machine to itself, and its own
peak of memory, and what changes with time changes for all.
"""
import multiprocessing
import time
import warnings
from collections.abc import Callable
from multiprocessing.connection import Connection
from multiprocessing.context import BaseContext
from typing import Any

import torch
from machine import peak_memory, reset_peak_memory
from mmengine.hooks import Hook
from mmengine.runner import Runner

from mmdeit.cli.errors import describe


class Turns:
    """The turns of one training, in its process.

    Args:
        pipe (Connection): To the process that gives the turns.
        warmup (int): First iterations of a turn, which are not timed; 1 at
            least.
        iters (int): Iterations that are timed.
        number (int): Of turns.
    """

    def __init__(self, pipe: Connection, warmup: int, iters: int,
                 number: int) -> None:
        self.pipe, self.number = pipe, number
        self.warmup, self.iters = warmup, iters
        self.length = warmup + iters
        self.done = 0

    @property
    def iterations(self) -> int:
        """int: Of all turns."""
        return self.number * self.length

    def end_iteration(self) -> None:
        """Count an iteration; after the last one of a turn, wait."""
        self.done += 1
        place = self.done % self.length
        if place == self.warmup:
            _synchronize()
            reset_peak_memory()
            self.start = time.perf_counter()
        elif place == 0:
            _synchronize()
            self.pipe.send(dict(seconds=time.perf_counter() - self.start,
                                peak_memory=peak_memory()))
            if torch.cuda.is_available():  # for whose turn it is
                torch.cuda.empty_cache()
            self.pipe.recv()


def start_context() -> BaseContext:
    """How the processes start: on a CPU without importing all in each.

    A GPU may not be looked for before a fork.
    """
    if torch.cuda.is_available():
        return multiprocessing.get_context('spawn')
    context = multiprocessing.get_context('forkserver')
    context.set_forkserver_preload(['mmdeit.cli', 'timm.task', 'timm.data'])
    return context


def _synchronize() -> None:
    if torch.cuda.is_available():
        torch.cuda.synchronize()


class TurnsHook(Hook):
    """Ends the iterations of mmengine's loops.

    Args:
        turns (Turns): The turns of this training.
    """
    priority = 'LOWEST'

    def __init__(self, turns: Turns) -> None:
        self.turns = turns

    def after_train_iter(self, runner: Runner, batch_idx: int,
                         data_batch: dict | None = None,
                         outputs: dict | None = None) -> None:
        self.turns.end_iteration()


class Training:
    """A training in another process, seen from here.

    Args:
        train (Callable): Called there with a :class:`Turns` and ``arguments``;
            what it returns is the end of the training.
        turns (tuple[int, int, int]): Iterations to warm up and to time in a
            turn, and turns.
        arguments (tuple): Of ``train``.
    """

    def __init__(self, train: Callable, turns: tuple[int, int, int],
                 arguments: tuple) -> None:
        context = start_context()
        self.pipe, theirs = context.Pipe()
        self.process = context.Process(
            target=_work, args=(theirs, train, turns, arguments), daemon=True)
        self.process.start()
        theirs.close()

    def begin(self) -> None:
        """Let it train for a turn; the first one builds the model."""
        self.pipe.send('go on')

    def turn(self) -> dict:
        """Let it train for a turn, and wait for it.

        Returns:
            dict: ``seconds``, and ``peak_memory`` in bytes.
        """
        self.begin()
        return self.result()

    def result(self) -> Any:
        """Wait for the end of a turn.

        Raises:
            RuntimeError: With the message of what ended the training.
        """
        try:
            result = self.pipe.recv()
        except EOFError as error:
            raise RuntimeError(
                'a training ended without a word: is memory left?') from error
        if isinstance(result, Exception):
            raise result
        return result

    def stop(self) -> None:
        """End it wherever it is, and whatever it does upon SIGTERM."""
        self.process.kill()
        self.process.join()


def _work(pipe: Connection, train: Callable, turns: tuple,
          arguments: tuple) -> None:
    warnings.simplefilter('ignore')  # those of any training
    try:
        pipe.recv()
        result = train(Turns(pipe, *turns), *arguments)
    except EOFError:  # nobody gives turns any more
        return
    except Exception as error:
        result = RuntimeError(describe(error))
    pipe.send(result)
