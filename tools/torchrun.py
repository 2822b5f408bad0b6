"""torchrun, which adds no traceback of its own to the line a tool ends in.

``tools/dist_*.sh`` start it. Arguments are those of torchrun.
"""
import sys

from torch.distributed.elastic.multiprocessing.api import SignalException
from torch.distributed.elastic.multiprocessing.errors import ChildFailedError
from torch.distributed.run import main

if __name__ == '__main__':
    try:
        main()
    except SignalException as stopped:
        sys.exit(128 + stopped.sigval)
    except ChildFailedError as failed:
        rank, failure = failed.get_first_failure()
        if failure.exitcode < 0:  # it had no time to say why
            name = failure.signal_name()
            hint = ': perhaps the memory was full' if name == 'SIGKILL' else ''
            print(f'error: process {rank} was ended by {name}{hint}',
                  file=sys.stderr)
            sys.exit(128 - failure.exitcode)
        sys.exit(failure.exitcode)
