"""The objectives of the paper's Section 4, on tensors.

It knows no DataSample and no teacher: the head hands it logits and targets.
"""
from typing import Dict, Optional

import torch.nn.functional as F
from torch import Tensor, nn

from mmdeit.registry import MODELS

MODES = ('none', 'soft', 'hard')
REDUCTIONS = ('numel', 'batchmean')


@MODELS.register_module()
class DistillationLoss(nn.Module):
    r"""Ground truth for the class logits, the teacher for the distillation's.

    .. math::
        (1-\alpha) L_{base}(Z_{class}, y) + \alpha L_{distill}(Z_{dist}, Z_t)

    - ``'hard'`` (paper Eq. 3): :math:`L_{distill}` is the cross entropy with
      the teacher's decision :math:`\mathrm{argmax}\, Z_t`, not smoothed.
    - ``'soft'`` (paper Eq. 2): :math:`\tau^2\,
      KL(\psi(Z_t/\tau) \,\|\, \psi(Z_{dist}/\tau))`, :math:`\psi` the softmax.
    - ``'none'``: :math:`L_{base}` alone.

    The arithmetic is in fp32, whatever the precision of the logits.

    Args:
        mode (str): ``'hard'``, ``'soft'`` or ``'none'``.
            Defaults to ``'hard'``.
        alpha (float): Weight of the distillation in [0, 1]. The paper has 0.5
            for hard, 0.1 for soft. Defaults to 0.5.
        tau (float): Temperature of ``'soft'``, above 0. The paper has 3.0,
            the official code starts from 1.0. Defaults to 1.0.
        reduction (str): What divides the summed divergence of ``'soft'``:
            ``'numel'``, batch times classes, as in the official
            ``losses.py``; or ``'batchmean'``, the batch, as in timm, K times
            larger (facebookresearch/deit issue 61). Defaults to ``'numel'``.
        base_loss (dict, optional): The loss of mmpretrain for the ground
            truth. Defaults to label smoothing of 0.1, which on the targets of
            Mixup and CutMix equals the official ``SoftTargetCrossEntropy``.
            None leaves it to :class:`mmdeit.models.DistilledClassifier`,
            which knows it and calls :meth:`distill` and :meth:`weigh`.

    Raises:
        ValueError: If an argument is outside its range.
    """

    def __init__(
        self,
        mode: str = 'hard',
        alpha: float = 0.5,
        tau: float = 1.0,
        reduction: str = 'numel',
        base_loss: Optional[dict] = dict(
            type='mmpretrain.LabelSmoothLoss',
            label_smooth_val=0.1,
            mode='original')
    ) -> None:
        super().__init__()
        if mode not in MODES:
            raise ValueError(
                f'unknown distillation mode {mode!r}: choose from {MODES}')
        if not 0 <= alpha <= 1:
            raise ValueError(f'alpha weighs the teacher against the labels '
                             f'and must be in [0, 1], but is {alpha}')
        if not tau > 0:
            raise ValueError(f'the temperature tau must be above 0, but is '
                             f'{tau}: the paper has 3.0')
        if reduction not in REDUCTIONS:
            raise ValueError(f'unknown reduction {reduction!r}: choose from '
                             f'{REDUCTIONS}')
        self.mode = mode
        self.alpha = alpha
        self.tau = tau
        self.reduction = reduction
        self.base_loss = base_loss and MODELS.build(base_loss)

    @property
    def needs_teacher(self) -> bool:
        """bool: Whether :meth:`forward` asks for teacher logits."""
        return self.mode != 'none'

    def forward(self,
                cls_score: Tensor,
                target: Tensor,
                dist_score: Optional[Tensor] = None,
                teacher_logits: Optional[Tensor] = None) -> Dict[str, Tensor]:
        """Compute the named parts of the loss; their sum is the objective.

        Args:
            cls_score (Tensor): Logits of the class head, ``(N, K)``.
            target (Tensor): Labels ``(N, )`` or mixed targets ``(N, K)``.
            dist_score (Tensor, optional): Logits of the distillation head,
                ``(N, K)``. The paper's "usual" distillation, without a token,
                passes ``cls_score`` again. Unused by ``'none'``.
            teacher_logits (Tensor, optional): The teacher's logits,
                ``(N, K)``. Unused by ``'none'``.

        Returns:
            dict[str, Tensor]: The scalars ``loss_cls`` and, where there is a
            teacher, ``loss_distill``, each with its weight.

        Raises:
            ValueError: If the teacher has another number of classes.
        """
        loss_cls = self.base_loss(cls_score.float(), target)
        if not self.needs_teacher:
            return dict(loss_cls=loss_cls)
        return self.weigh(loss_cls, self.distill(dist_score, teacher_logits))

    def distill(self, dist_score: Tensor, teacher_logits: Tensor) -> Tensor:
        """Compute what is learned from the teacher, without its weight.

        Args:
            dist_score (Tensor): The student's logits, ``(N, K)``.
            teacher_logits (Tensor): The teacher's logits, ``(N, K)``.

        Returns:
            Tensor: A scalar.

        Raises:
            ValueError: If the teacher has another number of classes.
        """
        if teacher_logits.shape != dist_score.shape:
            raise ValueError(
                f'the teacher answers with {teacher_logits.shape[1]} classes, '
                f'the student has {dist_score.shape[1]}: give both the same '
                'num_classes')
        distill = self._hard if self.mode == 'hard' else self._soft
        return distill(dist_score.float(), teacher_logits.float())

    def weigh(self, loss_cls: Tensor,
              loss_distill: Tensor) -> Dict[str, Tensor]:
        """Weigh the teacher's term against the labels'.

        Args:
            loss_cls (Tensor): The labels' term, a scalar.
            loss_distill (Tensor): The teacher's term, a scalar.

        Returns:
            dict[str, Tensor]: Both, each with its weight.
        """
        return dict(
            loss_cls=(1 - self.alpha) * loss_cls,
            loss_distill=self.alpha * loss_distill)

    def _hard(self, dist_score: Tensor, teacher_logits: Tensor) -> Tensor:
        return F.cross_entropy(dist_score, teacher_logits.argmax(dim=1))

    def _soft(self, dist_score: Tensor, teacher_logits: Tensor) -> Tensor:
        divergence = F.kl_div(
            F.log_softmax(dist_score / self.tau, dim=1),
            F.log_softmax(teacher_logits / self.tau, dim=1),
            reduction='sum',
            log_target=True)
        divisor = (
            dist_score.numel()
            if self.reduction == 'numel' else dist_score.size(0))
        return self.tau**2 * divergence / divisor
