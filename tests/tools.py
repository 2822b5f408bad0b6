"""Running the tools of this repository, in this process or in a new one.

A new process imports torch and OpenMMLab again, which takes 5 seconds. Start
one where that is what is tested: launchers, signals, what is read at import.
"""
import contextlib
import io
import logging
import os
import runpy
import signal
import subprocess
import sys
import warnings
from collections.abc import Iterator
from pathlib import Path
from unittest import mock

import torch
from mmengine.logging import MMLogger
from mmengine.utils import ManagerMixin

from mmdeit.randomness import keep_random_state

ROOT = Path(__file__).resolve().parents[1]
_ENV = dict(OMP_NUM_THREADS='1', CUDA_VISIBLE_DEVICES='')  # tested is a CPU


def run_tool(tool: str | Path, *arguments, code: int | None = 0, **env) -> str:
    """Run a Python tool in this process, as if it were alone in one.

    Args:
        tool (str | Path): Its path in the repository.
        *arguments: As on its command line.
        code (int, optional): The exit code it must end with; None is any but
            0. Defaults to 0.
        **env: Environment variables to add.

    Returns:
        str: What it printed to stdout, then what it printed to stderr;
        without what its own child processes printed.

    Raises:
        AssertionError: If it ends with another code.
    """
    stdout, stderr = io.StringIO(), io.StringIO()
    path = ROOT / tool
    with _as_new_process(), contextlib.redirect_stdout(stdout), \
            contextlib.redirect_stderr(stderr):
        os.environ.update(_ENV, **env)
        sys.argv[:] = [str(path), *map(str, arguments)]
        sys.path.insert(0, str(path.parent))
        ended = _run(path)
    output = stdout.getvalue() + stderr.getvalue()
    _check(ended, code, output)
    return output


def start_tool(tool: str | Path,
               *arguments,
               code: int | None = 0,
               **env) -> str:
    """Run a tool, a shell script too, in a process of its own.

    Arguments, result and errors are those of :func:`run_tool`.
    """
    path = ROOT / tool
    runner = ['bash'] if path.suffix == '.sh' else [sys.executable, '-u']
    result = subprocess.run(
        [*runner, str(path), *map(str, arguments)],
        capture_output=True,
        text=True,
        env={
            **os.environ,
            # "python" in the shell scripts has to be this one
            'PATH': f'{Path(sys.executable).parent}:{os.environ["PATH"]}',
            **_ENV,
            **env
        })
    output = result.stdout + result.stderr
    _check(result.returncode, code, output)
    return output


def _check(ended: int, code: int | None, output: str) -> None:
    assert ended != 0 if code is None else ended == code, (
        f'exit code {ended}\n{output}')


def _run(path: Path) -> int:
    """Run a script and return its exit code, as Python does."""
    try:
        runpy.run_path(str(path), run_name='__main__')
    except SystemExit as error:
        if error.code is None or isinstance(error.code, int):
            return error.code or 0
        print(error.code, file=sys.stderr)
        return 1
    except Exception:
        sys.excepthook(*sys.exc_info())
        return 1
    return 0


@contextlib.contextmanager
def _as_new_process() -> Iterator[None]:
    """Hide the state of this process, and restore it."""
    handlers = {
        number: signal.getsignal(number)
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGUSR1,
                       signal.SIGHUP)
    }
    argv, path, folder = sys.argv[:], sys.path[:], os.getcwd()
    root, threads = logging.getLogger(), torch.get_num_threads()
    root_handlers, level = root.handlers[:], root.level
    with _no_instances(), keep_random_state(), _warnings_on_stderr(), \
            mock.patch.dict(os.environ), \
            mock.patch('sys.excepthook', sys.__excepthook__), \
            mock.patch('mmengine.device.utils.DEVICE', 'cpu'), \
            mock.patch('torch.cuda.is_available', lambda: False):
        torch.set_num_threads(1)
        root.handlers.clear()
        try:
            yield
        finally:
            for number, handler in handlers.items():
                signal.signal(number, handler)
            root.handlers[:] = root_handlers
            root.setLevel(level)
            torch.set_num_threads(threads)
            sys.argv[:], sys.path[:] = argv, path
            os.chdir(folder)


@contextlib.contextmanager
def _no_instances() -> Iterator[None]:
    """Hide mmengine's global loggers, message hubs, visualizers and scopes."""
    # Those of a subclass are its own.
    classes = [ManagerMixin]
    for cls in classes:
        classes += cls.__subclasses__()
    kept = [(cls._instance_dict, cls._instance_dict.copy()) for cls in classes]
    for instances, _ in kept:
        instances.clear()
    try:
        yield
    finally:
        for logger in MMLogger._instance_dict.values():
            for handler in logger.handlers:
                handler.close()
        for instances, before in kept:
            instances.clear()
            instances.update(before)


@contextlib.contextmanager
def _warnings_on_stderr() -> Iterator[None]:
    """Show warnings as Python does, not as pytest."""

    def show(message, category, filename, lineno, file=None, line=None):
        print(
            warnings.formatwarning(message, category, filename, lineno, line),
            end='',
            file=sys.stderr)

    with warnings.catch_warnings():
        warnings.resetwarnings()
        for category in (DeprecationWarning, PendingDeprecationWarning,
                         ImportWarning, ResourceWarning):
            warnings.simplefilter('ignore', category)
        warnings.showwarning = show
        yield
