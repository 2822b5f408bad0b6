"""DeiT's two classifiers."""
from typing import Dict, List, Optional, Sequence, Tuple

from mmpretrain.models.heads import DeiTClsHead as _DeiTClsHead
from mmpretrain.structures import DataSample
from torch import Tensor

from mmdeit.registry import MODELS
from mmdeit.structures import stack_targets, stack_teacher_logits

from .distillation_loss import DistillationLoss
from .joint_prediction import joint_logits, predict_jointly

Tokens = Sequence[Tuple[Tensor, Tensor]]


@MODELS.register_module()
class DeiTClsHead(_DeiTClsHead):
    """One linear classifier on the class token, one on the distillation token.

    Joint prediction, paper Section 4: the mean of both heads' logits, as in
    the official code (the paper's text adds softmax outputs). State-dict keys
    are those of mmpretrain's class of the same name, which cannot be trained.

    Args:
        num_classes (int): Number of classes K.
        in_channels (int): Width C of the tokens.
        loss (dict): A :class:`mmdeit.models.DistillationLoss` with its
            ``base_loss``. With ``mode='none'`` there is no teacher and the
            joint prediction learns the labels (as in timm), so that both
            heads are trained. Defaults to hard distillation.
        init_cfg (dict, optional): Defaults to the official truncated normal
            of standard deviation 0.02; mmpretrain starts from zeros.

    Raises:
        TypeError: If ``loss`` does not distil, or has no ``base_loss``.
    """

    def __init__(
        self,
        num_classes: int,
        in_channels: int,
        loss: dict = dict(type='mmdeit.DistillationLoss'),
        init_cfg: Optional[dict] = dict(
            type='TruncNormal', layer='Linear', std=.02)
    ) -> None:
        super().__init__(
            num_classes=num_classes,
            in_channels=in_channels,
            loss=loss,
            init_cfg=init_cfg)
        if getattr(self.loss_module, 'base_loss', None) is None or not (
                isinstance(self.loss_module, DistillationLoss)):
            raise TypeError(
                f'DeiTClsHead distils, but its loss is {loss}: write '
                "loss=dict(type='mmdeit.DistillationLoss', base_loss=dict("
                'type=...))')

    @property
    def needs_teacher(self) -> bool:
        """bool: Whether training asks for teacher logits in the batch."""
        return self.loss_module.needs_teacher

    def scores(self, feats: Tokens) -> Tuple[Tensor, Tensor]:
        """Logits of each head.

        Args:
            feats (Sequence[tuple[Tensor, Tensor]]): The backbone's output;
                its last item is the pair of class and distillation token,
                each of shape ``(N, C)``.

        Returns:
            tuple[Tensor, Tensor]: Logits of the class head and of the
            distillation head, each of shape ``(N, K)``.
        """
        cls_token, dist_token = self.pre_logits(feats)
        return self.layers.head(cls_token), self.layers.head_dist(dist_token)

    def forward(self, feats: Tokens) -> Tensor:
        """Joint logits of shape ``(N, K)``: the mean of both heads'."""
        return joint_logits(*self.scores(feats))

    def loss(self, feats: Tokens,
             data_samples: List[DataSample]) -> Dict[str, Tensor]:
        """Compute the losses of a batch.

        Args:
            feats (Sequence[tuple[Tensor, Tensor]]): As in :meth:`scores`.
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

    def predict(
        self,
        feats: Tokens,
        data_samples: Optional[List[Optional[DataSample]]] = None
    ) -> List[DataSample]:
        """Predict jointly, and keep what each head says.

        Args:
            feats (Sequence[tuple[Tensor, Tensor]]): As in :meth:`scores`.
            data_samples (list[DataSample], optional): Samples to write to.
                Defaults to None, which makes new ones.

        Returns:
            list[DataSample]: See :func:`predict_jointly`.
        """
        return predict_jointly(self, *self.scores(feats), data_samples)
