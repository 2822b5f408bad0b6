"""What a process knows of its job before the processes are connected."""
import contextlib
import os
import time
from datetime import timedelta

from torch import distributed as dist

# Seconds in which a job that has failed is stopped.
PATIENCE = 5
_RANK = dict(pytorch='RANK', slurm='SLURM_PROCID', mpi='OMPI_COMM_WORLD_RANK')


def check_launcher(launcher: str) -> None:
    """Check that this process is one of a launcher's job.

    Raises:
        ValueError: If the launcher has left no rank in the environment.
    """
    if launcher != 'none' and _RANK[launcher] not in os.environ:
        raise ValueError(
            f'--launcher {launcher} finds no {_RANK[launcher]} in the '
            'environment: start the tool by tools/dist_*.sh or '
            'tools/slurm_*.sh, or leave --launcher out')


def is_first_process(launcher: str) -> bool:
    """Whether this is the first process of a launcher's job.

    Unlike ``mmengine.dist``, before the processes are connected.
    """
    return os.environ.get(_RANK.get(launcher, ''), '0') == '0'


def speaks_for_the_job(launcher: str) -> bool:
    """Whether this process is the first of its job to end in a line.

    Processes often fail alike, and those of a job that has failed are stopped.
    They ask torchrun's store, which lives as long as the job. Under slurm or
    mpi, which have none, the first process speaks at once, and any other where
    the job still runs a while later: what it met, the first one did not.
    """
    if launcher == 'none':
        return True
    env = os.environ
    with contextlib.suppress(Exception):  # a store that is gone
        if env.get('TORCHELASTIC_USE_AGENT_STORE') == 'True':
            store = dist.TCPStore(
                env['MASTER_ADDR'], int(env['MASTER_PORT']), is_master=False,
                timeout=timedelta(seconds=10))
            attempt = env.get('TORCHELASTIC_RESTART_COUNT', '0')
            return store.add(f'mmdeit/ended/{attempt}', 1) == 1
    if not is_first_process(launcher):
        time.sleep(PATIENCE)
    return True
