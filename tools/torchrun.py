"""torchrun, which adds no traceback of its own to the line a tool ends in.

``tools/dist_*.sh`` start it. Arguments are those of torchrun.
"""
import contextlib
import os
import signal
import sys

from torch.distributed.elastic.multiprocessing.api import (
    PContext,
    SignalException,
)
from torch.distributed.elastic.multiprocessing.errors import ChildFailedError
from torch.distributed.run import main

# What a training saves on, and its first process speaks of.
SAVED_ON = ('SIGTERM', 'SIGUSR1')
start_processes = PContext.start


def start(context: PContext) -> None:
    """Pass signals on to processes that have yet to save, and wait for them.

    torchrun alone does not know SIGUSR1, and kills after 30 seconds what goes
    on after SIGTERM; so it does here after a second one.
    """
    start_processes(context)
    impatient = signal.getsignal(signal.SIGTERM)

    def forward(number, _) -> None:
        signal.signal(signal.SIGTERM, impatient)
        for pid in context.pids().values():
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, number)

    for name in SAVED_ON:
        signal.signal(getattr(signal, name), forward)


if __name__ == '__main__':
    PContext.start = start
    try:
        main()
    except SignalException as stopped:
        sys.exit(128 + stopped.sigval)
    except ChildFailedError as failed:
        rank, failure = failed.get_first_failure()
        if failure.exitcode < 0:  # it had no time to say why
            name = failure.signal_name()
            hint = ': perhaps the memory was full' if name == 'SIGKILL' else ''
            if name not in SAVED_ON:
                print(f'error: process {rank} was ended by {name}{hint}',
                      file=sys.stderr)
            sys.exit(128 - failure.exitcode)
        sys.exit(failure.exitcode)
