"""How a tool ends that is asked to stop: in one line."""
import contextlib
import os
import signal
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from .launcher import is_first_process

AGAIN = 1  # seconds after which a signal that had no effect is repeated


@dataclass
class LastWords:
    """What is said beside the name of the signal."""
    describe: Callable[[], str] = lambda: 'stopped'


@contextlib.contextmanager
def end_by_signal(launcher: str = 'none') -> Iterator[LastWords]:
    """End a tool that gets SIGINT, SIGTERM or SIGUSR1 by one line.

    While a training runs, the latter two wait for the end of an iteration: see
    :mod:`mmdeit.loops.stop_request`.

    The first process of a job prints it; what it says can be set on what is
    yielded. The exit status is 128 + the signal's number. Further processes
    have nothing to say or to save, and end at once; so does the first by a
    second signal, once it has printed the line. A signal that is ignored when
    the tool starts, as SIGINT is behind a script's ``&``, stays ignored.
    """
    tool = os.getpid()
    words = LastWords()
    received: list[int] = []
    ending = ended = not is_first_process(launcher)

    def stop(number: int, frame) -> None:
        # A dataloader's worker is a fork with the same handler.
        if ended or os.getpid() != tool:
            os._exit(128 + number)
        if not ending:
            received.append(number)
            # Workers end by the same signal, and torch would raise for each.
            signal.signal(signal.SIGCHLD, lambda *_: None)
            # In a destructor or beside a fork Python prints what is raised
            # and goes on: then once more.
            signal.signal(signal.SIGALRM,
                          lambda *_: signal.raise_signal(number))
            signal.setitimer(signal.ITIMER_REAL, AGAIN)
            raise KeyboardInterrupt

    handlers = {
        number: signal.signal(number, signal.SIG_DFL if ended else stop)
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGUSR1)
        if signal.getsignal(number) is not signal.SIG_IGN
    }
    try:
        try:
            yield words
        except RuntimeError as error:
            # What ended a worker may be on its way to this process, too.
            if 'DataLoader worker' in str(error):
                time.sleep(1)
            raise
    except BaseException:  # mmengine makes a SyntaxError of what ends YAPF
        if not received:
            raise
        ending = True
        number = received[0]
        print(f'{signal.Signals(number).name}: {words.describe()}',
              file=sys.stderr, flush=True)
        ended = True
        handlers.clear()
        sys.exit(128 + number)
    finally:
        if received:
            signal.setitimer(signal.ITIMER_REAL, 0)
        for number, handler in handlers.items():
            signal.signal(number, handler)
