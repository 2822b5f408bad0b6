"""The classifier of a student without a distillation token."""
from typing import Optional, Sequence, Tuple

from mmpretrain.models.heads import (
    VisionTransformerClsHead as _VisionTransformerClsHead,
)
from torch import Tensor

from mmdeit.registry import MODELS

from .distilling_head import DistillingHead


@MODELS.register_module()
class VisionTransformerClsHead(DistillingHead, _VisionTransformerClsHead):
    """One linear classifier that learns from labels and teacher alike.

    The paper's "usual" distillation (Table 3): both terms of the loss meet
    the class token's logits. State-dict keys are those of mmpretrain's class
    of the same name.

    Args:
        num_classes (int): Number of classes K.
        in_channels (int): Width C of the class token.
        loss (dict): A :class:`mmdeit.models.DistillationLoss`. Defaults to
            hard distillation.
        init_cfg (dict, optional): Defaults to the official truncated normal
            of standard deviation 0.02; mmpretrain starts from zeros.

    Raises:
        TypeError: If ``loss`` does not distil.
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
        self.check_loss()

    def scores(self, feats: Sequence[Tensor]) -> Tuple[Tensor, Tensor]:
        """The class token's logits, for the labels and for the teacher.

        Args:
            feats (Sequence[Tensor]): The backbone's output; its last item is
                the class token, of shape ``(N, C)``.

        Returns:
            tuple[Tensor, Tensor]: Twice the same logits of shape ``(N, K)``.
        """
        cls_score = self(feats)
        return cls_score, cls_score
