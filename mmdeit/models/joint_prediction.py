"""How two classifiers predict together."""
from typing import List, Optional

from mmpretrain.models.heads import ClsHead
from mmpretrain.structures import DataSample
from torch import Tensor


def joint_logits(cls_score: Tensor, dist_score: Tensor) -> Tensor:
    """The mean of both logits, in fp32.

    Args:
        cls_score (Tensor): Logits of the classifier that learns from the
            labels, ``(N, K)``.
        dist_score (Tensor): Logits of the one that learns from the teacher,
            ``(N, K)``.

    Returns:
        Tensor: Of shape ``(N, K)``.
    """
    return (cls_score.float() + dist_score.float()) / 2


def predict_jointly(
    head: ClsHead,
    cls_score: Tensor,
    dist_score: Tensor,
    data_samples: Optional[List[Optional[DataSample]]] = None
) -> List[DataSample]:
    """Predict by :func:`joint_logits`, and keep what each classifier says.

    Args:
        head (ClsHead): The head of both classifiers.
        cls_score (Tensor): Logits of the one that learns from the labels,
            ``(N, K)``.
        dist_score (Tensor): Logits of the one that learns from the teacher,
            ``(N, K)``.
        data_samples (list[DataSample], optional): Samples to write to.
            Defaults to None, which makes new ones.

    Returns:
        list[DataSample]: With ``pred_score`` and ``pred_label`` of the joint
        prediction, and each classifier's own probabilities as ``class_score``
        and ``distill_score``, all of shape ``(K, )``.
    """
    predictions = head._get_predictions(
        joint_logits(cls_score, dist_score), data_samples)
    for sample, class_score, distill_score in zip(
            predictions, cls_score.softmax(dim=1), dist_score.softmax(dim=1)):
        sample.class_score = class_score
        sample.distill_score = distill_score
    return predictions
