"""Downloading and verifying files, for the ``prepare_*`` scripts.

A file gets its name only once it is complete and verified. Until then it is a
``.part`` file, which is removed on an interrupt.
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

# Raised if a source is unreachable, breaks off or has other content.
SOURCE_ERRORS = (OSError, ValueError, HTTPException,
                 subprocess.SubprocessError)


def digest(chunks: Iterable[Any], algorithm: str = 'sha256') -> str:
    """Return the hexadecimal hash of concatenated buffers."""
    state = hashlib.new(algorithm)
    for chunk in chunks:
        state.update(chunk)
    return state.hexdigest()


def verify(path: Path, name: str, **checksums: str | None) -> None:
    """Compare the checksums of a file.

    Args:
        path (Path): The file.
        name (str): Its name in the error.
        **checksums: Expected ``md5=`` and ``sha256=``, in hexadecimal; None
            is not checked.

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
                'there yourself')


def reusable(path: Path, **checksums: str | None) -> bool:
    """Return whether a file exists with these checksums, and print it."""
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
        path (Path): The final path; its folder is created if needed.
        **checksums: As in :func:`verify`.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    # In the same folder, since a move is atomic only within a file system; with
    # the process id, so that two runs do not write to the same file.
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
    """Download a file with a progress bar, or reuse an existing one.

    Args:
        url (str): Address of the file.
        path (Path): Where to write it.
        md5 (str, optional): Its MD5. Defaults to None.
        sha256 (str, optional): Its SHA-256. Defaults to None.
        timeout (float): Seconds to wait for the connection and for each
            read. Defaults to 10.
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
        # A dropped connection looks like the end of the file.
        if total is not None and file.tell() != total:
            raise OSError(f'{url} ended at byte {file.tell()} of {total}')


def run_quietly(command: Sequence[str], cwd: Path) -> None:
    """Run a command with a spinner; the last line of stderr is the error.

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
    """Try sources in order until one succeeds.

    Args:
        sources (Mapping[str, Callable[[], None]]): Functions that download
            and write the files, by name of the source.
        fix (str): What the user can do if all fail.

    Raises:
        OSError: If all fail.
    """
    for name, fetch in sources.items():
        print(f'Fetching from {name}')
        try:
            return fetch()
        except SOURCE_ERRORS as error:
            print(f'  that failed: {error}')
    raise OSError(f'got nothing from {" or ".join(sources)}; {fix}')
