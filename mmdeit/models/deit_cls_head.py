"""DeiT's two classifiers."""
from collections.abc import Sequence

from mmpretrain.models.heads import DeiTClsHead as _DeiTClsHead
from mmpretrain.structures import DataSample
from torch import Tensor

from mmdeit.registry import MODELS

from .distillation import distill, joint_logits, predict, scores
from .distillation_loss import DistillationLoss

Tokens = Sequence[tuple[Tensor, Tensor]]


@MODELS.register_module()
class DeiTClsHead(_DeiTClsHead):
    """One linear classifier on the class token, one on the distillation token.

    Joint prediction, paper Section 4: the mean of both classifiers' logits.
    State-dict keys are those of mmpretrain's class of the same name, which
    cannot be trained.

    Args:
        num_classes (int): Number of classes K.
        in_channels (int): Width C of the tokens.
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
        init_cfg: dict | None = dict(
            type='TruncNormal', layer='Linear', std=.02)
    ) -> None:
        super().__init__(
            num_classes=num_classes,
            in_channels=in_channels,
            loss=loss,
            init_cfg=init_cfg)
        if not isinstance(self.loss_module, DistillationLoss):
            raise TypeError(
                f'DeiTClsHead distils, but its loss is {loss}: write loss=dict('
                "type='mmdeit.DistillationLoss', base_loss=dict(type=...))")

    def scores(self, feats: Tokens) -> tuple[Tensor, Tensor]:
        """Logits of each classifier, ``(N, K)``.

        Args:
            feats (Sequence[tuple[Tensor, Tensor]]): The backbone's output; its
                last item has class and distillation token, each ``(N, C)``.
        """
        return scores(self, feats)

    def forward(self, feats: Tokens) -> Tensor:
        """Joint logits of shape ``(N, K)``."""
        return joint_logits(*self.scores(feats))

    def loss(self, feats: Tokens,
             data_samples: Sequence[DataSample]) -> dict[str, Tensor]:
        """See :func:`mmdeit.models.distillation.distill`."""
        return distill(self, feats, data_samples)

    def predict(
        self,
        feats: Tokens,
        data_samples: list[DataSample | None] | None = None
    ) -> list[DataSample]:
        """See :func:`mmdeit.models.distillation.predict`."""
        return predict(self, feats, data_samples)
