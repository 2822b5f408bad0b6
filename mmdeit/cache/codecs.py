"""What of a teacher's answer is kept, and how it becomes an answer again."""
from typing import Protocol

import numpy as np
import torch
from torch import Tensor


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
