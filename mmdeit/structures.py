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
    """Labels of N images, and a teacher's answer to the images.

    Also a sequence of N DataSamples, which are made when one is asked for.

    Args:
        labels (Tensor): The classes ``(N, )``, -1 without a label.
        mixed (Tensor, optional): What Mixup or CutMix made of them,
            ``(N, K)``; without a label nothing. Defaults to None.
        teacher_answer (Tensor, optional): Its logits ``(N, K)`` or labels
            ``(N, )``. Defaults to None, until a teacher is asked.
    """
    labels: Tensor
    mixed: Tensor | None = None
    teacher_answer: Tensor | None = None

    @classmethod
    def of(cls, data_samples: Sequence) -> 'TrainingTargets':
        """The targets of N DataSamples, or those given."""
        if isinstance(data_samples, cls):
            return data_samples
        if data_samples is None:
            raise ValueError('mmdeit.PackInputs packs tensors: set '
                             "data_preprocessor.type='mmdeit.ClsData"
                             "Preprocessor', or take mmpretrain's PackInputs")
        mixed = None
        if 'gt_score' in data_samples[0]:
            mixed = torch.stack([sample.gt_score for sample in data_samples])
        if 'gt_label' not in data_samples[0]:
            return cls(mixed.argmax(dim=1), mixed)
        return cls(read_labels(dict(data_samples=data_samples)), mixed)

    @property
    def target(self) -> Tensor:
        """Tensor: Mixed targets ``(N, K)``, or else the labels ``(N, )``."""
        return self.labels if self.mixed is None else self.mixed

    def __len__(self) -> int:
        return len(self.labels)

    def __getitem__(self, index: int) -> DataSample:
        return self._data_samples[index]

    @cached_property
    def _data_samples(self) -> list[DataSample]:
        samples = [
            DataSample().set_gt_label(label) for label in self.labels[:, None]
        ]
        if self.mixed is not None:
            for sample, score in zip(samples, self.mixed):
                sample.set_gt_score(score)
        return samples


def read_labels(batch: dict) -> Tensor:
    """The labels ``(N, )`` of a batch, as the dataloader gives it.

    Args:
        batch (dict): ``labels`` as :class:`mmdeit.datasets.PackInputs` packs
            them, stacked or in a list; or mmpretrain's ``data_samples``.

    Raises:
        ValueError: If an image of ``data_samples`` has no label, or one has
            several.
    """
    if 'labels' in batch:
        images = batch['labels']
        labels = images if isinstance(images, Tensor) else torch.stack(images)
    else:
        images = [image.get('gt_label', ()) for image in batch['data_samples']]
        counts = {len(label) for label in images}
        if 0 in counts:
            raise ValueError('an image has no label: set with_label=True in '
                             'its dataset, or give labelled ones; to train by '
                             'a teacher alone, end the pipeline by '
                             'mmdeit.PackInputs')
        labels = torch.cat(images) if counts == {1} else torch.empty(0)
    if labels.shape != (len(images), ):
        raise ValueError('an image has several labels: give a dataset of one '
                         'label an image, or a multi-label head, no teacher '
                         "and type='ImageClassifier'")
    return labels
