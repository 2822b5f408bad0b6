"""What all distilling heads share: the way from samples to the loss."""
from typing import Dict, List

from mmpretrain.structures import DataSample
from torch import Tensor

from mmdeit.structures import stack_targets, stack_teacher_logits

from .distillation_loss import DistillationLoss


class DistillingHead:
    """Mixin for a head of mmpretrain whose loss is a ``DistillationLoss``.

    The place where DataSamples become tensors. The head adds
    ``scores(feats)``, which returns the logits that learn from the labels and
    those that learn from the teacher, each of shape ``(N, K)``.
    """

    def check_loss(self) -> None:
        """Check that ``loss_module`` distils.

        Raises:
            TypeError: If it does not.
        """
        if not isinstance(self.loss_module, DistillationLoss):
            raise TypeError(
                f'{type(self).__name__} distils, but its loss is a '
                f'{type(self.loss_module).__name__}: write '
                "loss=dict(type='mmdeit.DistillationLoss', base_loss=dict("
                'type=...))')

    @property
    def needs_teacher(self) -> bool:
        """bool: Whether training asks for teacher logits in the batch."""
        return self.loss_module.needs_teacher

    def loss(self, feats: tuple,
             data_samples: List[DataSample]) -> Dict[str, Tensor]:
        """Compute the losses of a batch.

        Args:
            feats (tuple): The backbone's output.
            data_samples (list[DataSample]): The N samples, with their labels
                and, unless ``mode='none'``, the teacher's logits.

        Returns:
            dict[str, Tensor]: See :meth:`DistillationLoss.forward`.
        """
        target = stack_targets(data_samples)
        if not self.needs_teacher:
            return self.loss_module(self(feats), target)
        cls_score, dist_score = self.scores(feats)
        return self.loss_module(cls_score, target, dist_score,
                                stack_teacher_logits(data_samples))
