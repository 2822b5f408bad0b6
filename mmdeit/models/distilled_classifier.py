"""Distillation for the classifiers of mmpretrain as they are.

It adds the teacher's term to what the head learns from the labels, and knows
which heads have a classifier of their own for it. The network, its weights'
names and the loss for the labels stay mmpretrain's.
"""
from typing import Dict, List, Optional, Tuple, Union

from mmpretrain.models import ImageClassifier
from mmpretrain.models.heads import ArcFaceClsHead, ClsHead
from mmpretrain.structures import DataSample
from torch import Tensor, nn

from mmdeit.registry import MODELS
from mmdeit.structures import stack_teacher_logits

from .deit_cls_head import DeiTClsHead
from .distillation_loss import DistillationLoss
from .joint_prediction import joint_logits, predict_jointly

# How heads with two classifiers call the one for the labels and the one for
# the teacher.
CLASSIFIERS = (
    ('head', 'head_dist'),  # LeViTClsHead
    ('head', 'dist_head'),  # EfficientFormerClsHead
    ('layers.head', 'layers.head_dist'),  # DeiTClsHead
)

# of shape (N, K); Conformer's head has one for each of its branches
Logits = Union[Tensor, Tuple[Tensor, ...]]


@MODELS.register_module()
class DistilledClassifier(ImageClassifier):
    """mmpretrain's ``ImageClassifier`` that learns from a teacher as well.

    - A head with two classifiers, which mmpretrain cannot train (LeViT's,
      EfficientFormer's): one learns from the labels, the other from the
      teacher; they predict jointly, as in their original training.
    - Any other head: the same logits learn from both, the paper's "usual"
      distillation (Table 3).

    The labels' term is the head's own loss. State-dict keys are those of
    ``ImageClassifier``, so that checkpoints go both ways.

    Args:
        backbone (dict): The backbone.
        neck (dict, optional): The neck. Defaults to None.
        head (dict): A single-label head, with its ``loss``.
        distillation (dict): Arguments of
            :class:`mmdeit.models.DistillationLoss`, without ``base_loss``.
            With ``mode='none'`` there is no teacher and the prediction, joint
            where there are two classifiers, learns the labels.
            Defaults to ``dict(mode='hard', alpha=0.5)``.
        pretrained (str, optional): A checkpoint to start from. Defaults to
            None.
        train_cfg (dict, optional): Mixup and the like, as ``augments``.
            Defaults to None.
        data_preprocessor (dict, optional): Defaults to None.
        init_cfg (dict, optional): Defaults to None.

    Raises:
        TypeError: If the head cannot be distilled, or ``distillation`` has a
            ``type`` or a ``base_loss``.
    """

    def __init__(self,
                 backbone: dict,
                 neck: Optional[dict] = None,
                 head: Optional[dict] = None,
                 distillation: dict = dict(mode='hard', alpha=0.5),
                 pretrained: Optional[str] = None,
                 train_cfg: Optional[dict] = None,
                 data_preprocessor: Optional[dict] = None,
                 init_cfg: Optional[dict] = None) -> None:
        super().__init__(
            backbone=backbone,
            neck=neck,
            head=head,
            pretrained=pretrained,
            train_cfg=train_cfg,
            data_preprocessor=data_preprocessor,
            init_cfg=init_cfg)
        check_head(self.head)
        if {'type', 'base_loss'} & distillation.keys():
            raise TypeError(
                'distillation takes the arguments of DistillationLoss without '
                'type and base_loss: the labels meet the loss of model.head')
        self.classifiers = find_classifiers(self.head)
        self.distillation = DistillationLoss(**distillation, base_loss=None)

    @property
    def needs_teacher(self) -> bool:
        """bool: Whether training asks for teacher logits in the batch."""
        return self.distillation.needs_teacher

    def scores(self, feats: tuple) -> Tuple[Logits, Logits]:
        """Logits for the labels and for the teacher.

        Args:
            feats (tuple): What the head takes.

        Returns:
            tuple: Those that learn from the labels and those that learn from
            the teacher, each of shape ``(N, K)``. Without a second classifier
            twice what the head returns.
        """
        if not self.classifiers:
            score = self.head(feats)
            return score, score
        # Not the head's forward: LeViT's raises an error in training.
        feat = self.head.pre_logits(feats)
        # DeiT has a token for each, the others one feature for both.
        feat = feat if isinstance(feat, tuple) else (feat, feat)
        cls_score, dist_score = (
            self.head.get_submodule(name)(x)
            for name, x in zip(self.classifiers, feat))
        return cls_score, dist_score

    def loss(self, inputs: Tensor,
             data_samples: List[DataSample]) -> Dict[str, Tensor]:
        """Compute the losses of a batch.

        Args:
            inputs (Tensor): Images of shape ``(N, C, H, W)``.
            data_samples (list[DataSample]): The N samples, with their labels
                and, unless ``mode='none'``, the teacher's logits.

        Returns:
            dict[str, Tensor]: The scalars ``loss_cls`` and, where there is a
            teacher, ``loss_distill``, each with its weight; and the accuracy
            that a head with ``cal_acc=True`` reports.
        """
        cls_score, dist_score = self.scores(self.extract_feat(inputs))
        if self.classifiers and not self.needs_teacher:
            cls_score = joint_logits(cls_score, dist_score)
        losses = self.head._get_loss(cls_score, data_samples)
        losses['loss_cls'] = losses.pop('loss')
        if self.needs_teacher:
            teacher_logits = stack_teacher_logits(data_samples)
            if isinstance(dist_score, Tensor):
                dist_score = (dist_score, )
            # a sum over the branches, like the head's own loss
            loss_distill = sum(
                self.distillation.distill(score, teacher_logits)
                for score in dist_score)
            losses.update(
                self.distillation.weigh(losses['loss_cls'], loss_distill))
        return losses

    def predict(self,
                inputs: Tensor,
                data_samples: Optional[List[DataSample]] = None,
                **kwargs) -> List[DataSample]:
        """Predict, where there are two classifiers jointly.

        Args:
            inputs (Tensor): Images of shape ``(N, C, H, W)``.
            data_samples (list[DataSample], optional): Samples to write to.
                Defaults to None, which makes new ones.
            **kwargs: For the head's own ``predict``.

        Returns:
            list[DataSample]: What mmpretrain predicts; with two classifiers
            also what each says, see :func:`predict_jointly`.
        """
        if not self.classifiers:
            return super().predict(inputs, data_samples, **kwargs)
        scores = self.scores(self.extract_feat(inputs))
        return predict_jointly(self.head, *scores, data_samples)


def find_classifiers(head: nn.Module) -> Optional[Tuple[str, str]]:
    """Find the two classifiers of a head.

    Args:
        head (nn.Module): The head.

    Returns:
        tuple[str, str], optional: The names of the classifier for the labels
        and of that for the teacher, or None if one has to serve both.
    """
    modules = dict(head.named_modules())
    return next((pair for pair in CLASSIFIERS if pair[1] in modules), None)


def check_head(head: Optional[nn.Module]) -> None:
    """Check that a head has logits that can learn from a teacher.

    Args:
        head (nn.Module, optional): The head.

    Raises:
        TypeError: If it has none, or distils by itself.
    """
    name = type(head).__name__
    if isinstance(head, DeiTClsHead):
        raise TypeError(f'mmdeit.{name} distils by itself: use '
                        "type='ImageClassifier' instead of DistilledClassifier")
    # ArcFace's logits for the labels depend on the label.
    if not isinstance(head, ClsHead) or isinstance(head, ArcFaceClsHead):
        raise TypeError(
            f'DistilledClassifier cannot teach the head {name}: use a head '
            'whose logits go into one softmax over the classes, such as '
            'LinearClsHead')
