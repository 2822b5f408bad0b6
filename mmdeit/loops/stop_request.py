"""A training that is asked to stop saves at the end of an iteration.

SIGTERM and SIGUSR1 ask for it, in any process of a job; all of them stop after
the same iteration. What is saved is the checkpoint hook's business.
"""
import os
import signal
import sys
import threading
from datetime import timedelta
from functools import partial
from multiprocessing import parent_process
from typing import Any

import torch
from mmengine.dist import get_rank, get_world_size
from torch import distributed as dist
from torch.utils.data import DataLoader

SIGNALS = (signal.SIGTERM, signal.SIGUSR1)  # the latter is slurm's notice


class StopRequest:
    """Takes note of a signal, and agrees with the other processes on it.

    As a context it changes the handlers of :data:`SIGNALS`, and leaves those
    before it behind. A signal that is ignored stays ignored.

    Args:
        timeout (float, optional): Seconds to wait for the other processes.
            Defaults to None, gloo's 30 minutes.
    """

    def __init__(self, timeout: float | None = None) -> None:
        self.number = 0  # of the signal that this process has got
        self._process, self._speaks = os.getpid(), get_rank() == 0
        self._handlers: dict[int, Any] = {}
        self._exchange: tuple | None = None
        # Its messages go from host to host: nothing waits for a GPU.
        self._group = None if get_world_size() == 1 else dist.new_group(
            backend='gloo', timeout=timedelta(seconds=timeout or 1800))

    def __enter__(self) -> 'StopRequest':
        # Python's handlers run in the main thread.
        if threading.current_thread() is threading.main_thread():
            self._handlers = {
                number: signal.signal(number, self._note)
                for number in SIGNALS
                if signal.getsignal(number) is not signal.SIG_IGN
            }
        return self

    def __exit__(self, kind: type | None, error: BaseException | None,
                 _) -> None:
        self._restore()
        if kind is None:
            self._leave()
        if self.number and isinstance(error, RuntimeError):
            # The same signal has ended a worker, or another process.
            signal.raise_signal(self.number)

    def agreed(self) -> int:
        """The signal after which to stop now, the same in all processes.

        All of them have to call it once in each iteration. They exchange what
        they know without a wait, and read what they knew an iteration before.

        Returns:
            int: Its number, or 0.
        """
        if self._group is None:
            return self.number
        before, number = self._exchange, torch.tensor(self.number)
        work = dist.all_reduce(
            number, dist.ReduceOp.MAX, self._group, async_op=True)
        self._exchange = work, number
        if not before:
            return 0
        work, number = before
        work.wait()
        return int(number)

    def stop(self, number: int) -> None:
        """Let a signal have the effect that it had before the training.

        Before that it waits for all processes, so that none is still saving.
        """
        if self._group is not None:
            dist.barrier(self._group)
        self._leave()
        self._restore()
        signal.raise_signal(number)
        sys.exit(128 + number)  # it is ignored

    def _note(self, number: int, _) -> None:
        if os.getpid() != self._process:  # in a fork, such as a worker
            if number == signal.SIGTERM:
                os._exit(128 + number)
            return
        if self._speaks and not self.number:
            # print() fails where the signal comes in the middle of another.
            os.write(2, f'{signal.Signals(number).name}: stopping at the end '
                     'of this iteration\n'.encode())
        self.number = number

    def _leave(self) -> None:
        if self._exchange:
            self._exchange[0].wait()
        if self._group is not None:
            # Its threads, still running at the end, may abort the process.
            dist.destroy_process_group(self._group)
        self._exchange = self._group = None

    def _restore(self) -> None:
        while self._handlers:
            signal.signal(*self._handlers.popitem())


def spare_workers(dataloader: DataLoader) -> None:
    """Let only their own process end the workers of a dataloader.

    A signal to all processes of a job would end them in the middle of an
    iteration. Their own process sends SIGTERM at its end.
    """
    dataloader.worker_init_fn = partial(_start_worker,
                                        dataloader.worker_init_fn)


def _start_worker(init_fn: Any, worker: int) -> None:
    if hasattr(signal, 'sigwaitinfo'):  # not on macOS
        signal.pthread_sigmask(signal.SIG_BLOCK, SIGNALS)
        threading.Thread(target=_end_with_parent, daemon=True).start()
    if init_fn:
        init_fn(worker)


def _end_with_parent() -> None:
    while signal.sigwaitinfo(SIGNALS).si_pid != parent_process().pid:
        pass
    os._exit(0)  # as torch's own handler
