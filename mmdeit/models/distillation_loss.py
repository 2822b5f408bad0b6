"""The objectives of the paper's Section 4, on tensors.

It knows no DataSample, no head and no teacher.
"""
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
        base_loss (dict | nn.Module): The loss of mmpretrain for the ground
            truth. Defaults to label smoothing of 0.1, which on the targets of
            Mixup and CutMix equals the official ``SoftTargetCrossEntropy``.

    Raises:
        ValueError: If an argument is outside its range.
    """

    def __init__(
        self,
        mode: str = 'hard',
        alpha: float = 0.5,
        tau: float = 1.0,
        reduction: str = 'numel',
        base_loss: dict | nn.Module = dict(
            type='mmpretrain.LabelSmoothLoss',
            label_smooth_val=0.1,
            mode='original')
    ) -> None:
        super().__init__()
        for name, value, choices in (('mode', mode, MODES),
                                     ('reduction', reduction, REDUCTIONS)):
            if value not in choices:
                raise ValueError(f'DistillationLoss: unknown {name} {value!r}: '
                                 f'choose from {choices}')
        if not 0 <= alpha <= 1 or not tau > 0:
            raise ValueError(f'DistillationLoss: alpha is {alpha}, tau {tau}: '
                             'choose from 0 to 1, and above 0 (paper: 3.0)')
        self.mode = mode
        self.alpha = alpha
        self.tau = tau
        self.reduction = reduction
        self.base_loss = base_loss if isinstance(
            base_loss, nn.Module) else MODELS.build(base_loss)

    @property
    def needs_teacher(self) -> bool:
        """bool: Whether :meth:`forward` asks for a teacher's answer."""
        return self.mode != 'none'

    def forward(self,
                cls_score: Tensor,
                target: Tensor,
                dist_score: Tensor | None = None,
                teacher: Tensor | None = None) -> dict[str, Tensor]:
        """Compute the named parts of the loss; their sum is the objective.

        Args:
            cls_score (Tensor): Logits ``(N, K)`` that learn from the labels.
            target (Tensor): Labels ``(N, )`` or mixed targets ``(N, K)``.
            dist_score (Tensor, optional): Logits ``(N, K)`` that learn from
                the teacher; without a distillation token ``cls_score`` again.
                Unused by ``'none'``.
            teacher (Tensor, optional): The teacher's logits ``(N, K)`` or, for
                ``'hard'``, its labels ``(N, )``. Unused by ``'none'``.

        Returns:
            dict[str, Tensor]: The scalars ``loss_cls`` and, where there is a
            teacher, ``loss_distill``, each with its weight.

        Raises:
            ValueError: If the teacher has another number of classes, or has
                only labels for ``'soft'``.
        """
        loss_cls = self.base_loss(
            cls_score.float(), target, avg_factor=len(cls_score))
        if not self.needs_teacher:
            return dict(loss_cls=loss_cls)
        if teacher.shape != dist_score.shape and (teacher.ndim == 2
                                                  or self.mode == 'soft'):
            raise ValueError(
                f'the teacher answers {tuple(teacher.shape)}, the student '
                f'{tuple(dist_score.shape)}: give both the same num_classes; a '
                "teacher of labels takes mode='hard'")
        distill = self._hard if self.mode == 'hard' else self._soft
        return dict(
            loss_cls=(1 - self.alpha) * loss_cls,
            loss_distill=self.alpha * distill(dist_score.float(), teacher))

    def _hard(self, dist_score: Tensor, teacher: Tensor) -> Tensor:
        labels = teacher if teacher.ndim == 1 else teacher.argmax(dim=1)
        return F.cross_entropy(dist_score, labels)

    def _soft(self, dist_score: Tensor, teacher: Tensor) -> Tensor:
        divergence = F.kl_div(
            F.log_softmax(dist_score / self.tau, dim=1),
            F.log_softmax(teacher.float() / self.tau, dim=1),
            reduction='sum',
            log_target=True)
        divisor = (
            dist_score.numel()
            if self.reduction == 'numel' else dist_score.size(0))
        return self.tau**2 * divergence / divisor
