"""Processes that start at once, from one that has imported everything."""
from multiprocessing import get_context
from multiprocessing.context import ForkServerContext

from .tools import run_tool


def forkserver() -> ForkServerContext:
    """A context whose processes start without importing torch again."""
    context = get_context('forkserver')
    context.set_forkserver_preload(['tests.forked', __name__])
    return context


def _run_rank(rank: int, number: int, port: str, arguments: tuple,
              code: int) -> str:
    return run_tool(
        *arguments, '--launcher', 'pytorch',
        code=code, RANK=str(rank), LOCAL_RANK=str(rank),
        WORLD_SIZE=str(number), MASTER_ADDR='127.0.0.1', MASTER_PORT=port)


def run_on(number: int, port: str, *arguments, code: int = 0) -> list[str]:
    """Run a Python tool as processes of one job, without a launcher.

    Args:
        number (int): Of processes.
        port (str): A free port.
        *arguments: The tool and its arguments, as for ``run_tool``.
        code (int): The exit code of all. Defaults to 0.

    Returns:
        list[str]: What each printed.
    """
    with forkserver().Pool(number) as pool:
        return pool.starmap_async(
            _run_rank,
            [(rank, number, port, arguments, code) for rank in range(number)],
            chunksize=1).get(timeout=300)


def run_on_two(port: str, *arguments, code: int = 0) -> list[str]:
    """Run a Python tool on two processes, see :func:`run_on`."""
    return run_on(2, port, *arguments, code=code)
