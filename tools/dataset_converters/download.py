"""What the ``prepare_*`` scripts share: fetch, verify, put into place.

A file appears under its own name only when it is whole and verified; until
then it is a ``.part`` file, which an interrupt removes and nobody reads. What
the data means, and where it comes from, is left to the scripts.
"""
import hashlib
import os
import subprocess
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from http.client import HTTPException
from pathlib import Path
from typing import Any
from urllib.request import urlopen

from rich.console import Console
from rich.progress import (
    BarColumn,
    DownloadColumn,
    Progress,
    TextColumn,
    TimeRemainingColumn,
)

# What a source raises that is out of reach, breaks off or has other bytes.
SOURCE_ERRORS = (OSError, ValueError, HTTPException,
                 subprocess.SubprocessError)


def digest(chunks: Iterable[Any], algorithm: str = 'sha256') -> str:
    """Hash buffers as if they were one, in hexadecimal."""
    state = hashlib.new(algorithm)
    for chunk in chunks:
        state.update(chunk)
    return state.hexdigest()


def verify(path: Path, name: str, **checksums: str | None) -> None:
    """Compare a file with its checksums.

    Args:
        path (Path): The file.
        name (str): What the error calls it.
        **checksums: ``md5=`` and ``sha256=``, in hexadecimal; None is not
            checked.

    Raises:
        ValueError: If one differs.
    """
    for algorithm, expected in checksums.items():
        if expected is None:
            continue
        with path.open('rb') as file:
            got = digest(iter(lambda: file.read(1 << 20), b''), algorithm)
        if got != expected:
            raise ValueError(
                f'{name}: expected {algorithm} {expected}, got {got}: it is '
                'damaged or not the original; run again, or put the original '
                'there by hand')


def reusable(path: Path, **checksums: str | None) -> bool:
    """Say whether a file is there and right, in a line if it is there."""
    if not path.exists():
        return False
    try:
        verify(path, str(path), **checksums)
    except ValueError:
        print(f'Replacing {path}: its checksum is wrong')
        return False
    print(f'Reusing {path}')
    return True


@contextmanager
def atomic(path: Path, **checksums: str | None) -> Iterator[Path]:
    """Yield a temporary path; at the end, verify it and move it to ``path``.

    Args:
        path (Path): The final path; its folder is made if need be.
        **checksums: As in :func:`verify`.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    # In the same folder, as a move is atomic only within a file system; with
    # the process id, so that two runs do not write into one file.
    part = path.with_name(f'{path.name}.{os.getpid()}.part')
    try:
        yield part
        verify(part, str(path), **checksums)
        os.replace(part, path)
    finally:
        part.unlink(missing_ok=True)


def download(url: str,
             path: Path,
             md5: str | None = None,
             sha256: str | None = None,
             timeout: float = 10.) -> None:
    """Download a file with a progress bar, or reuse the one that is there.

    Args:
        url (str): Where the file is.
        path (Path): Where it goes.
        md5 (str, optional): Its MD5. Defaults to None.
        sha256 (str, optional): Its SHA-256. Defaults to None.
        timeout (float): Seconds to wait for the connection, and for each
            piece after it. Defaults to 10.
    """
    if reusable(path, md5=md5, sha256=sha256):
        return
    columns = (TextColumn('{task.description}'), BarColumn(),
               DownloadColumn(), TimeRemainingColumn())
    with (urlopen(url, timeout=timeout) as response,
          atomic(path, md5=md5, sha256=sha256) as part,
          part.open('wb') as file, Progress(*columns) as progress):
        length = response.headers.get('Content-Length')
        total = None if length is None else int(length)
        task = progress.add_task(path.name, total=total)
        while chunk := response.read(1 << 16):
            file.write(chunk)
            progress.advance(task, len(chunk))
        # A connection that is cut looks like the end of the file.
        if total is not None and file.tell() != total:
            raise OSError(f'{url} ended at byte {file.tell()} of {total}')


def run_quietly(command: Sequence[str], cwd: Path) -> None:
    """Run a command behind a spinner; its last words become the error.

    Raises:
        OSError: If the command is not installed, or fails.
    """
    with Console().status(f'Running {command[0]} ...'):
        result = subprocess.run(
            command, cwd=cwd, capture_output=True, text=True, timeout=1800)
    if result.returncode != 0:
        lines = result.stderr.strip().splitlines() or ['no message']
        raise OSError(f'{command[0]} failed: {lines[-1]}')


def use_first(sources: Mapping[str, Callable[[], None]], fix: str) -> None:
    """Try sources in their order until one succeeds.

    Args:
        sources (Mapping[str, Callable[[], None]]): What fetches and writes
            the files, by the name of the source.
        fix (str): What the user can do when all fail.

    Raises:
        SystemExit: With exit code 1 and one line, if no source succeeds.
    """
    for name, fetch in sources.items():
        print(f'Fetching from {name}')
        try:
            return fetch()
        except SOURCE_ERRORS as error:
            print(f'  that failed: {error}')
    raise SystemExit(f'error: got nothing from {" or ".join(sources)}; {fix}')
