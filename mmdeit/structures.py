"""What a training batch is to learn, as tensors.

The data preprocessor makes one :class:`TrainingTargets` for a batch, the
teacher adds its answer to it, and the objective reads it. Heads of mmpretrain,
which know DataSamples only, get those from it when they ask.
"""
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import torch
from mmpretrain.structures import DataSample
from torch import Tensor


@dataclass(eq=False)
class TrainingTargets(Sequence):
    """Labels of N images, and what a teacher says to them.

    For whoever asks it is a sequence of N DataSamples, which are made then.

    Args:
        labels (Tensor): The classes ``(N, )``.
        scores (Tensor, optional): What Mixup or CutMix made of them,
            ``(N, K)``. Defaults to None.
        teacher (Tensor, optional): The teacher's logits ``(N, K)`` or labels
            ``(N, )``. Defaults to None, until it is asked.
    """
    labels: Tensor
    scores: Tensor | None = None
    teacher: Tensor | None = None

    @classmethod
    def of(cls, data_samples: Sequence) -> 'TrainingTargets':
        """The targets in N DataSamples; what is targets already stays so."""
        if isinstance(data_samples, cls):
            return data_samples
        if data_samples is None:
            raise ValueError('mmdeit.PackInputs packs tensors: set '
                             "data_preprocessor.type='mmdeit.ClsData"
                             "Preprocessor', or take mmpretrain's PackInputs")
        scores = None
        if 'gt_score' in data_samples[0]:
            scores = torch.stack([sample.gt_score for sample in data_samples])
        if 'gt_label' not in data_samples[0]:
            return cls(scores.argmax(dim=1), scores)
        return cls(read_labels(dict(data_samples=data_samples)), scores)

    @property
    def target(self) -> Tensor:
        """Tensor: Mixed targets ``(N, K)``, or else the labels ``(N, )``."""
        return self.labels if self.scores is None else self.scores

    def __len__(self) -> int:
        return len(self.labels)

    def __getitem__(self, index: int) -> DataSample:
        return self._data_samples[index]

    @cached_property
    def _data_samples(self) -> list[DataSample]:
        samples = [
            DataSample().set_gt_label(label) for label in self.labels[:, None]
        ]
        if self.scores is not None:
            for sample, score in zip(samples, self.scores):
                sample.set_gt_score(score)
        return samples


def read_labels(batch: dict) -> Tensor:
    """The labels ``(N, )`` of a batch, as the dataloader gives it.

    Args:
        batch (dict): ``labels`` as :class:`mmdeit.datasets.PackInputs` packs
            them, stacked or in a list; or mmpretrain's ``data_samples``.

    Raises:
        ValueError: If an image has no label, or several.
    """
    if 'labels' in batch:
        images = batch['labels']
        labels = images if isinstance(images, Tensor) else torch.stack(images)
    else:
        images = batch['data_samples']
        if 'gt_label' not in images[0]:
            raise ValueError('the images have no labels: set with_label=True '
                             'in their dataset, or give labelled ones')
        labels = torch.cat([image.gt_label for image in images])
    if labels.shape != (len(images), ):
        raise ValueError('an image has several labels: give a dataset of one '
                         'label an image, or a multi-label head, no teacher '
                         "and type='ImageClassifier'")
    return labels
