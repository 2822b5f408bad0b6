"""The objectives of the paper's Section 4, on tensors.

It knows no DataSample, no head and no teacher.
"""
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from mmdeit.registry import MODELS

MODES = ('none', 'soft', 'hard')
REDUCTIONS = ('numel', 'batchmean')
TINY = torch.finfo(torch.float32).tiny


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

    With ``alpha=1`` no label is read. The official code would leave the class
    logits untrained; here they learn from the teacher too, by a term of their
    own, so that :math:`L_{distill}(Z_{dist}, Z_t)` stays what it is.

    Where an image has no label, the labels' term of an image counts by the
    part of it that has one, see :func:`labelled_weight`. Its sum is divided by
    the batch, labelled or not: each label then counts the same in whatever
    batch it comes, and on any number of processes.

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
    def needs_labels(self) -> bool:
        """bool: Whether :meth:`forward` reads a label."""
        return not self.needs_teacher or self.alpha < 1

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
                Without a label -1, or nothing in a row. Unused if ``alpha`` is
                1.
            dist_score (Tensor, optional): Logits ``(N, K)`` that learn from
                the teacher; without a distillation token ``cls_score`` again.
                Unused by ``'none'``.
            teacher (Tensor, optional): The teacher's logits ``(N, K)`` or, for
                ``'hard'``, its labels ``(N, )``. Unused by ``'none'``.

        Returns:
            dict[str, Tensor]: The scalars ``loss_cls`` and, where there is a
            teacher, ``loss_distill``, each with its weight. If ``alpha`` is 1,
            ``loss_distill`` and, of other class logits,
            ``loss_distill_class``.

        Raises:
            ValueError: If the teacher has another number of classes, or has
                only labels for ``'soft'``.
        """
        if not self.needs_teacher:
            return dict(loss_cls=self._labels(cls_score.float(), target))
        if teacher.shape != dist_score.shape and (teacher.ndim == 2
                                                  or self.mode == 'soft'):
            raise ValueError(
                f'the teacher answers {tuple(teacher.shape)}, the student '
                f'{tuple(dist_score.shape)}: give both the same num_classes; a '
                "teacher of labels takes mode='hard'")
        distill = self._hard if self.mode == 'hard' else self._soft
        losses = {}
        if self.needs_labels:
            losses['loss_cls'] = (1 - self.alpha) * self._labels(
                cls_score.float(), target)
        losses['loss_distill'] = self.alpha * distill(
            dist_score.float(), teacher)
        if not self.needs_labels and cls_score is not dist_score:
            losses['loss_distill_class'] = distill(cls_score.float(), teacher)
        return losses

    def _labels(self, cls_score: Tensor, target: Tensor) -> Tensor:
        weight = labelled_weight(target)  # N
        if target.ndim == 1:
            target = target.clamp(min=0)
        else:  # as if the image were mixed of what has a label
            target = target / weight.clamp(min=TINY)[:, None]
        return self.base_loss(
            cls_score, target, weight=weight, avg_factor=len(cls_score))

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


def labelled_weight(target: Tensor) -> Tensor:
    """How much of each of N images has a label, ``(N, )`` in fp32.

    Args:
        target (Tensor): Labels ``(N, )``, -1 without one; or mixed targets
            ``(N, K)``, in which each image has its share of the mix in the
            column of its class, and in none without a label. 0.7 of a cat and
            0.3 of an unlabelled image weigh 0.7, and are 0.7 of a cat's loss.
    """
    if target.ndim == 1:
        return (target >= 0).float()
    return target.float().sum(dim=1)  # exactly 1 where both have a label
