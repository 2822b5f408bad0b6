"""How a tool ends that is asked to stop: in one line."""
import contextlib
import os
import signal
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from .launcher import speaks_for_the_job


class Stopped(KeyboardInterrupt):
    """A tool was asked to stop by the signal of this number."""


@dataclass
class LastWords:
    """What is said beside the name of the signal."""
    describe: Callable[[], str] = lambda: 'stopped'


@contextlib.contextmanager
def end_by_signal(launcher: str = 'none') -> Iterator[LastWords]:
    """End a tool that gets SIGINT or SIGTERM by one line.

    One process of a job prints it; what it says can be set on what is yielded.
    The exit status is 128 + the signal's number. A second signal ends
    the process at once.
    """
    tool = os.getpid()
    words = LastWords()

    def stop(number: int, frame) -> None:
        if os.getpid() != tool:  # a dataloader's worker has nothing to say
            os._exit(128 + number)
        # Workers end by the same signal, and torch would raise for each.
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        raise Stopped(number)

    numbers = (signal.SIGINT, signal.SIGTERM)
    handlers = {number: signal.signal(number, stop) for number in numbers}
    try:
        try:
            yield words
        except RuntimeError as error:
            # What ended a worker may be on its way to this process, too.
            if 'DataLoader worker' in str(error):
                time.sleep(1)
            raise
    except Stopped as stopped:
        for number in numbers:
            signal.signal(number, signal.SIG_IGN)
        number, = stopped.args
        if speaks_for_the_job(launcher):
            name = signal.Signals(number).name
            print(f'{name}: {words.describe()}', file=sys.stderr, flush=True)
        handlers = dict.fromkeys(numbers, signal.SIG_DFL)
        sys.exit(128 + number)
    finally:
        for number, handler in handlers.items():
            signal.signal(number, handler)
