"""A teacher's answers on the disk, by epoch and position of the view.

One file an epoch, which numpy reads too: a row for each position, all zeros
where nothing is known yet. Files are mapped into memory, so what is written is
there after a kill, and a row counts only once it is whole.
"""
import os
from collections.abc import Callable, Iterable
from pathlib import Path
from uuid import uuid4

import numpy as np

from mmdeit.files import PART

from .codecs import Codec


def known(rows: np.ndarray,
          positions: np.ndarray | slice = slice(None)) -> np.ndarray:
    """Which rows have an answer, ``(N, )``: the last number of each says it."""
    last = rows if rows.dtype.names is None else rows[rows.dtype.names[-1]]
    last = last[positions] != 0
    return last if last.ndim == 1 else last.all(axis=1)


def create_once(path: Path, write: Callable[[Path], object]) -> None:
    """Create a file whole, under its name; of two that do it one is first.

    Args:
        path (Path): Its name. What is there already, stays.
        write (Callable): Writes it to the path that it is given.
    """
    # Two machines may have the same process ID, and the folder.
    part = path.with_name(f'{path.name}.{uuid4().hex}{PART}')
    try:
        write(part)
        with part.open('rb') as file:
            os.fsync(file.fileno())  # or a power cut leaves the name alone
        os.link(part, path)
    except FileExistsError:
        pass
    finally:
        part.unlink(missing_ok=True)


class AnswerFiles:
    """The files of a folder.

    They are read by mapping them into memory, and written by row, so that a
    full disk is an error like any other.

    Args:
        folder (Path): Of the files, ``epoch_0000.npy`` and so on.
        codec (Codec): What is in them.
        views (int): Positions of an epoch.
    """

    def __init__(self, folder: Path, codec: Codec, views: int) -> None:
        self.folder, self.codec, self.views = folder, codec, views
        self._epoch = -1  # of the file that is open
        self._rows: np.ndarray | None = None

    def path(self, epoch: int) -> Path:
        """The file of an epoch, from 0."""
        return self.folder / f'epoch_{epoch:04}.npy'

    def check(self, epochs: Iterable[int]) -> None:
        """See that files are whole, where they are there.

        Raises:
            ValueError: If one is not, or has other answers.
        """
        for epoch in epochs:
            self._map(epoch)

    def read(self, epoch: int, positions: np.ndarray) -> np.ndarray | None:
        """Rows of positions ``(N, )``; None unless all are known."""
        rows = self._map(epoch)
        if rows is None:
            return None
        # Rows are read after they are known: others may write meanwhile.
        return rows[positions] if known(rows, positions).all() else None

    def known(self, epoch: int) -> np.ndarray:
        """Which positions of an epoch are known, ``(N, )``."""
        rows = self._map(epoch)
        return np.zeros(self.views, bool) if rows is None else known(rows)

    def count(self, epoch: int, views: int | None = None) -> int:
        """How many of the first positions of an epoch are known."""
        return int(self.known(epoch)[:views].sum())

    def epochs(self) -> list[int]:
        """Those that have a file."""
        names = (path.stem.removeprefix('epoch_')
                 for path in self.folder.glob('epoch_*.npy'))
        return sorted(int(name) for name in names if name.isdecimal())

    def write(self, epoch: int, positions: np.ndarray,
              rows: np.ndarray) -> None:
        """Write rows ``(N, )`` to positions ``(N, )``, where none is known.

        Raises:
            OSError: If the disk is full, or may not be written to.
        """
        if self._map(epoch) is None:
            self._create(epoch)
        mapped = self._map(epoch)
        new = ~known(mapped, positions)
        file = os.open(self.path(epoch), os.O_WRONLY)
        try:
            for position, row in zip(positions[new].tolist(), rows[new]):
                os.pwrite(file, row.tobytes(),
                          mapped.offset + position * rows.itemsize)
        finally:
            os.close(file)

    def _map(self, epoch: int) -> np.memmap | None:
        if epoch != self._epoch:
            path = self.path(epoch)
            if not path.exists():
                return None
            self._rows, self._epoch = self._open(path), epoch
        return self._rows

    def _open(self, path: Path) -> np.memmap:
        try:  # which takes nothing that is pickled
            rows = np.lib.format.open_memmap(path, mode='r')
        except (ValueError, OSError, EOFError) as error:
            raise ValueError(f'{path} is no whole file of answers ({error}): '
                             'remove it, to have them asked again') from error
        if rows.dtype != self.codec.dtype or rows.shape != (self.views, ):
            raise ValueError(
                f'{path} has {rows.shape} answers of {rows.dtype}, not '
                f'{self.views} of {self.codec.dtype}: remove it, to have them '
                'asked again')
        return rows

    def _create(self, epoch: int) -> None:
        """Make a file of zeros, which take no room yet, under its name."""
        create_once(
            self.path(epoch), lambda path: np.lib.format.open_memmap(
                path, mode='w+', dtype=self.codec.dtype,
                shape=(self.views, )))
