"""Distillation for the classifiers of mmpretrain as they are."""
from mmpretrain.models import ImageClassifier
from mmpretrain.models.heads import ArcFaceClsHead, ClsHead
from mmpretrain.structures import DataSample
from torch import Tensor

from mmdeit.registry import MODELS

from .distillation import classifiers, distill, predict
from .distillation_loss import DistillationLoss


@MODELS.register_module()
class DistilledClassifier(ImageClassifier):
    """mmpretrain's ``ImageClassifier`` that learns from a teacher as well.

    - A head with two classifiers, which mmpretrain cannot train (DeiT's,
      LeViT's, EfficientFormer's): one learns from the labels, the other from
      the teacher; they predict jointly, as in their original training.
    - Any other head: the same logits learn from both, the paper's "usual"
      distillation (Table 3).

    The labels' term is the head's own loss, in fp32. State-dict keys are those
    of ``ImageClassifier``, so that checkpoints go both ways.

    Args:
        backbone (dict): The backbone.
        neck (dict, optional): The neck. Defaults to None.
        head (dict): A single-label head, with its ``loss``.
        distillation (dict, optional): Arguments of
            :class:`mmdeit.models.DistillationLoss` without ``base_loss``,
            which is the head's loss. With ``mode='none'`` there is no teacher.
            Defaults to None: the head's loss, where that is a
            ``DistillationLoss``, or else hard distillation.
        pretrained (str, optional): A checkpoint to start from. Defaults to
            None.
        train_cfg (dict, optional): Mixup and the like, as ``augments``.
            Defaults to None.
        data_preprocessor (dict, optional): Its type defaults to
            :class:`mmdeit.models.ClsDataPreprocessor`. Defaults to None.
        init_cfg (dict, optional): Defaults to None.

    Raises:
        TypeError: If the head cannot learn from a teacher, or ``distillation``
            is given although the head's loss distils.
    """

    def __init__(self,
                 backbone: dict,
                 neck: dict | None = None,
                 head: dict | None = None,
                 distillation: dict | None = None,
                 pretrained: str | None = None,
                 train_cfg: dict | None = None,
                 data_preprocessor: dict | None = None,
                 init_cfg: dict | None = None) -> None:
        if not data_preprocessor or isinstance(data_preprocessor, dict):
            data_preprocessor = {
                'type': 'mmdeit.ClsDataPreprocessor',
                **(data_preprocessor or {})
            }
        super().__init__(
            backbone=backbone,
            neck=neck,
            head=head,
            pretrained=pretrained,
            train_cfg=train_cfg,
            data_preprocessor=data_preprocessor,
            init_cfg=init_cfg)
        # ArcFace's logits for the labels depend on the label.
        if not isinstance(self.head, ClsHead) or isinstance(
                self.head, ArcFaceClsHead):
            raise TypeError(
                f'{type(self.head).__name__} cannot learn from a teacher: give '
                'model.head one softmax over the classes, as LinearClsHead')
        if not isinstance(self.head.loss_module, DistillationLoss):
            self.head.loss_module = DistillationLoss(
                **(distillation or {}), base_loss=self.head.loss_module)
        elif distillation:
            raise TypeError('model.head.loss distils already: set mode, alpha '
                            'and so on there, and leave out model.distillation')

    def loss(self, inputs: Tensor,
             data_samples: list[DataSample]) -> dict[str, Tensor]:
        """See :func:`mmdeit.models.distillation.distill`.

        Args:
            inputs (Tensor): Images of shape ``(N, C, H, W)``.
            data_samples (TrainingTargets | list[DataSample]): Their labels
                and the teacher's answer.
        """
        return distill(self.head, self.extract_feat(inputs), data_samples)

    def predict(self,
                inputs: Tensor,
                data_samples: list[DataSample] | None = None,
                **kwargs) -> list[DataSample]:
        """Predict as mmpretrain, but two classifiers jointly.

        Then see :func:`mmdeit.models.distillation.predict`; other heads take
        ``**kwargs``.
        """
        if classifiers(self.head) is None:
            return super().predict(inputs, data_samples, **kwargs)
        return predict(self.head, self.extract_feat(inputs), data_samples)
