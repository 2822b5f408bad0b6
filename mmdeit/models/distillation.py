"""The one place where a head's logits, the labels and the teacher meet.

Whatever the head, its ``loss_module`` is a :class:`DistillationLoss`. DeiT's
head has it by its config, :class:`DistilledClassifier` gives one to the heads
of mmpretrain. The functions here are all that both do in training and in
prediction.
"""
from collections.abc import Sequence

from mmpretrain.evaluation.metrics import Accuracy
from mmpretrain.models.heads import ClsHead, DeiTClsHead
from mmpretrain.structures import DataSample
from torch import Tensor, nn

from mmdeit.structures import TrainingTargets

from .distillation_loss import TINY, labelled_weight

# (N, K); Conformer's head has one for each of its branches
Logits = Tensor | tuple[Tensor, ...]

# What heads with two classifiers call the one for the labels and the one for
# the teacher.
_CLASSIFIERS = (
    ('head', 'head_dist'),  # LeViTClsHead
    ('head', 'dist_head'),  # EfficientFormerClsHead
    ('layers.head', 'layers.head_dist'),  # DeiTClsHead
)


def classifiers(head: nn.Module) -> tuple[nn.Module, nn.Module] | None:
    """The classifiers for the labels and for the teacher, if there are two."""
    modules = dict(head.named_modules())
    return next(((modules[name], modules[dist_name])
                 for name, dist_name in _CLASSIFIERS if dist_name in modules),
                None)


def scores(head: nn.Module, feats: tuple) -> tuple[Logits, Logits]:
    """Logits for the labels and for the teacher, each of shape ``(N, K)``.

    Those of a single classifier come twice, the paper's "usual" distillation
    (Table 3).

    Args:
        head (nn.Module): The head.
        feats (tuple): What the head takes.

    Raises:
        ValueError: If DeiT's head does not get its two tokens.
    """
    pair = classifiers(head)
    if pair is None:
        score = head(feats)
        return score, score
    if isinstance(head, DeiTClsHead) and not isinstance(
            feats[-1], (tuple, list)):
        raise ValueError(
            'DeiTClsHead needs a class and a distillation token: set model.'
            "backbone.type='mmdeit.DistilledVisionTransformer' and its "
            "out_type='cls_token'")
    # Not the head's forward: LeViT's raises an error in training.
    feat = head.pre_logits(feats)
    # DeiT has a token for each, the others one feature for both.
    tokens = feat if isinstance(feat, tuple) else (feat, feat)
    cls_score, dist_score = (
        classifier(token) for classifier, token in zip(pair, tokens))
    return cls_score, dist_score


def joint_logits(cls_score: Tensor, dist_score: Tensor) -> Tensor:
    """The mean of both classifiers' logits ``(N, K)``, in fp32.

    As in the official code; the paper's text adds softmax outputs.
    """
    return (cls_score.float() + dist_score.float()) / 2


def distill(head: nn.Module, feats: tuple,
            data_samples: Sequence[DataSample]) -> dict[str, Tensor]:
    """What a head learns from a batch of N images.

    Without a teacher (``mode='none'``) it learns the labels; two classifiers
    by their joint prediction, as in timm, so that both are trained. With
    ``alpha=1`` it learns from the teacher alone, and labels are not read.

    Args:
        head (nn.Module): The head.
        feats (tuple): What the head takes.
        data_samples (TrainingTargets | Sequence[DataSample]): The labels and
            the teacher's answer.

    Returns:
        dict[str, Tensor]: Scalars: what the objective gives, see
        :meth:`DistillationLoss.forward`; where it reads labels and has a
        teacher, ``teacher_agreement``, the share of the (mixed) labels that
        the teacher's decision hits; and, of a head with ``cal_acc=True``, the
        accuracy on the labels before mixing.

    Raises:
        ValueError: If the batch has no answer of a teacher. Training without
            one, unnoticed, would be no distillation.

    Where the teacher's answer is not finite, neither are ``loss_distill`` and
    ``teacher_agreement``.
    """
    objective, targets = head.loss_module, TrainingTargets.of(data_samples)
    cls_score, dist_score = scores(head, feats)
    if objective.needs_teacher:
        if targets.teacher_answer is None:
            raise ValueError(
                'the head distils, but no teacher was asked: add default_hooks.'
                "teacher=dict(type='mmdeit.TeacherHook', ...), or set mode="
                "'none' in model.head.loss or model.distillation")
    elif cls_score is not dist_score:
        cls_score = joint_logits(cls_score, dist_score)
    branches = [(cls_score, dist_score)] if isinstance(
        cls_score, Tensor) else list(zip(cls_score, dist_score))
    parts = [
        objective(score, targets.target, dist, targets.teacher_answer)
        for score, dist in branches
    ]
    losses = {name: sum(part[name] for part in parts) for name in parts[0]}
    if objective.needs_teacher:
        answer = targets.teacher_answer
        sound = one_if_finite(answer)
        losses['loss_distill'] = losses['loss_distill'] * sound
        if objective.needs_labels:
            losses['teacher_agreement'] = agreement(
                answer, targets.target) * sound
    if head.cal_acc and objective.needs_labels:
        accuracy = Accuracy.calculate(
            sum(score for score, _ in branches), targets.labels, head.topk)
        share = labelled_weight(targets.labels).mean().clamp(min=TINY)
        losses.update({
            f'accuracy_top-{k}': [number / share for number in value]
            for k, value in zip(head.topk, accuracy)
        })
    return losses


def one_if_finite(answer: Tensor) -> Tensor | float:
    """1, or no number (NaN) where a teacher's answer is not finite.

    Its argmax would be class 0. As a factor it costs no wait for the device:
    nothing is learnt, and whoever reads the agreement finds out.

    Args:
        answer (Tensor): Its labels ``(N, )`` or logits ``(N, K)``.
    """
    return 1. if answer.ndim == 1 else 1 + (answer - answer).float().sum()


def agreement(teacher: Tensor, target: Tensor) -> Tensor:
    """Share of the labels that the teacher's decision hits, a scalar.

    0 where there are none.

    Args:
        teacher (Tensor): Its labels ``(N, )`` or logits ``(N, K)``.
        target (Tensor): Labels ``(N, )``, for which this is its top-1
            accuracy, or mixed targets ``(N, K)``, of which it counts the
            weight of the class that the teacher names.
    """
    decision = teacher if teacher.ndim == 1 else teacher.argmax(dim=1)
    hits = ((decision == target) if target.ndim == 1 else
            target.gather(1, decision[:, None])).float()
    return hits.sum() / labelled_weight(target).sum().clamp(min=TINY)


def predict(
    head: ClsHead,
    feats: tuple,
    data_samples: list[DataSample | None] | None = None
) -> list[DataSample]:
    """Predict jointly, and keep what each of two classifiers says.

    Args:
        head (ClsHead): A head with two classifiers.
        feats (tuple): What the head takes, of N images.
        data_samples (list[DataSample], optional): Samples to write to.
            Defaults to None, which makes new ones.

    Returns:
        list[DataSample]: With ``pred_score`` and ``pred_label`` of the joint
        prediction, and each classifier's own probabilities as ``class_score``
        and ``distill_score``, all of shape ``(K, )``.
    """
    cls_score, dist_score = scores(head, feats)
    predictions = head._get_predictions(
        joint_logits(cls_score, dist_score), data_samples)
    for sample, class_score, distill_score in zip(
            predictions, cls_score.softmax(dim=1), dist_score.softmax(dim=1)):
        sample.class_score = class_score
        sample.distill_score = distill_score
    return predictions
