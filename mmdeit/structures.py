"""The one field of the batch at which teacher and student meet.

The teacher's logits travel on the data samples, next to the labels, as
``teacher_logits`` of shape ``(K,)`` a sample. Whoever has a teacher writes
them with :func:`set_teacher_logits`; a distilling head reads them with
:func:`stack_teacher_logits`. Neither knows the other.
"""
from typing import Sequence

import torch
from mmpretrain.structures import DataSample
from torch import Tensor


def set_teacher_logits(data_samples: Sequence[DataSample],
                       logits: Tensor) -> None:
    """Write a batch of teacher logits to its data samples, in place.

    Args:
        data_samples (Sequence[DataSample]): The N samples of the batch.
        logits (Tensor): The teacher's logits of shape ``(N, K)``.

    Raises:
        ValueError: If ``logits`` is not one row of classes for each sample.
    """
    shape = tuple(getattr(logits, 'shape', ()))
    if len(shape) != 2 or shape[0] != len(data_samples):
        raise ValueError(
            f'the teacher answered a batch of {len(data_samples)} images with '
            f'a {type(logits).__name__} of shape {shape} instead of logits of '
            f'shape ({len(data_samples)}, num_classes): give it a head')
    for sample, row in zip(data_samples, logits.unbind()):
        sample.teacher_logits = row


def stack_teacher_logits(data_samples: Sequence[DataSample]) -> Tensor:
    """Read a batch of teacher logits from its data samples.

    Args:
        data_samples (Sequence[DataSample]): The N samples of the batch.

    Returns:
        Tensor: The teacher's logits of shape ``(N, K)``.

    Raises:
        ValueError: If the samples carry none; training silently without a
            teacher is no distillation.
    """
    if 'teacher_logits' not in data_samples[0]:
        raise ValueError(
            'this head distils, but the batch carries no teacher logits: add '
            "dict(type='mmdeit.TeacherHook', ...) to custom_hooks, or train "
            "without a teacher by mode='none' in model.head.loss (DeiTClsHead) "
            'or model.distillation (DistilledClassifier)')
    return torch.stack([sample.teacher_logits for sample in data_samples])


def stack_targets(data_samples: Sequence[DataSample]) -> Tensor:
    """Read a batch of training targets from its data samples.

    Args:
        data_samples (Sequence[DataSample]): The N samples of the batch.

    Returns:
        Tensor: Mixed targets of shape ``(N, K)`` where Mixup or CutMix made
        them (``gt_score``), otherwise labels of shape ``(N, )``.
    """
    if 'gt_score' in data_samples[0]:
        return torch.stack([sample.gt_score for sample in data_samples])
    return torch.cat([sample.gt_label for sample in data_samples])


def read_labels(batch: dict) -> Tensor:
    """Read the labels of a collated batch.

    Args:
        batch (dict): Has ``labels``, a tensor or a list of them, or
            ``data_samples``.

    Returns:
        Tensor: Labels of shape ``(N, )``.
    """
    labels = batch.get('labels')
    if labels is None:
        return torch.cat([s.gt_label for s in batch['data_samples']])
    return torch.as_tensor(labels).flatten()
