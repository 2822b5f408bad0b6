"""A teacher's answers on the disk, by epoch and position of the view.

One file an epoch, which numpy reads too: a row for each position, all zeros
where nothing is known yet. Files are mapped into memory, so what is written is
there after a kill, and a row counts only once it is whole.
"""
import os
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Protocol
from uuid import uuid4

import numpy as np
import torch
from torch import Tensor

from mmdeit.files import PART


class Codec(Protocol):
    """What of an answer is kept, and how it becomes an answer again."""
    dtype: np.dtype

    def reduce(self, answer: Tensor) -> tuple[Tensor, ...]:
        """What is kept of logits ``(N, K)``, on their device."""

    def rows(self, *kept: np.ndarray) -> np.ndarray:
        """It as rows ``(N, )``, zeros where the answer is not finite."""

    def kept(self, rows: np.ndarray) -> tuple[np.ndarray, ...]:
        """It from rows."""

    def answer(self, *kept: Tensor) -> Tensor:
        """Labels ``(N, )`` or logits ``(N, K)``, as a teacher answers."""

    def live(self, answer: Tensor) -> Tensor:
        """What a student learns from when the teacher has been asked.

        The same as from the disk: whatever part of the answers is there, the
        training is one.
        """


class Labels:
    """The teacher's decision, in 2 bytes a view: for hard distillation.

    Args:
        num_classes (int): Number K of classes.
    """

    def __init__(self, num_classes: int) -> None:
        self.dtype = np.dtype('<u2' if num_classes < 2**16 else '<u4')

    def reduce(self, answer: Tensor) -> tuple[Tensor, ...]:
        finite = answer.isfinite().all(dim=1)
        return torch.where(finite, answer.argmax(dim=1) + 1, 0),

    def rows(self, labels: np.ndarray) -> np.ndarray:
        return labels.astype(self.dtype)

    def kept(self, rows: np.ndarray) -> tuple[np.ndarray, ...]:
        return rows.astype(np.int64) - 1,

    def answer(self, labels: Tensor) -> Tensor:
        return labels

    def live(self, answer: Tensor) -> Tensor:
        return answer


class Logits:
    """All logits in fp32, 4K bytes a view: for soft distillation.

    Args:
        num_classes (int): Number K of classes.
    """

    def __init__(self, num_classes: int) -> None:
        self.dtype = np.dtype([('logits', '<f4', (num_classes, )),
                               ('known', '<u4')])

    def reduce(self, answer: Tensor) -> tuple[Tensor, ...]:
        return answer.float(),

    def rows(self, logits: np.ndarray) -> np.ndarray:
        rows = np.zeros(len(logits), self.dtype)
        finite = np.isfinite(logits).all(axis=1)
        rows['logits'][finite] = logits[finite]
        rows['known'] = finite
        return rows

    def kept(self, rows: np.ndarray) -> tuple[np.ndarray, ...]:
        return np.ascontiguousarray(rows['logits']),

    def answer(self, logits: Tensor) -> Tensor:
        return logits

    def live(self, answer: Tensor) -> Tensor:
        return answer


class TopK:
    """The k largest probabilities and their classes, in 4k bytes a view.

    What is left of the probability is spread evenly over the other classes.

    Args:
        num_classes (int): Number K of classes.
        k (int): From 1, below K.
    """

    def __init__(self, num_classes: int, k: int) -> None:
        self.num_classes, self.k = num_classes, k
        number = '<u2' if num_classes < 2**16 else '<u4'
        self.dtype = np.dtype([('logs', '<f2', (k, )),
                               ('classes', number, (k, ))])

    def reduce(self, answer: Tensor) -> tuple[Tensor, ...]:
        logs, classes = answer.float().log_softmax(dim=1).topk(self.k)
        return logs.clamp_min(-6e4).half(), classes  # all that a half has

    def rows(self, logs: np.ndarray, classes: np.ndarray) -> np.ndarray:
        rows = np.zeros(len(logs), self.dtype)
        finite = np.isfinite(logs).all(axis=1)
        rows['logs'][finite] = logs[finite]
        rows['classes'][finite] = classes[finite] + 1
        return rows

    def kept(self, rows: np.ndarray) -> tuple[np.ndarray, ...]:
        return (np.ascontiguousarray(rows['logs']),
                rows['classes'].astype(np.int64) - 1)

    def answer(self, logs: Tensor, classes: Tensor) -> Tensor:
        logs = logs.float()
        rest = (1 - logs.exp().sum(dim=1)).clamp_min(1e-6)
        rest = (rest / (self.num_classes - self.k)).log()
        logits = rest[:, None].repeat(1, self.num_classes)
        return logits.scatter_(1, classes, logs)

    def live(self, answer: Tensor) -> Tensor:
        return self.answer(*self.reduce(answer))


def codec(kind: str, num_classes: int) -> Codec:
    """The codec of a name: ``'labels'``, ``'logits'`` or ``'top-5'``."""
    if kind == 'labels':
        return Labels(num_classes)
    if kind == 'logits':
        return Logits(num_classes)
    return TopK(num_classes, int(kind.removeprefix('top-')))


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
