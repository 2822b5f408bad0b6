"""The teacher of the distillation, beside the model rather than inside it.

The hook owns the teacher and the moment at which it looks at a batch. It
knows no student: it leaves its logits in the batch, as
:mod:`mmdeit.structures` describes, for whichever head asks for them.
"""
from typing import Optional, Sequence

import torch
from mmengine.hooks import Hook
from mmengine.model import is_model_wrapper
from mmengine.registry import MODELS
from mmengine.runner import Runner
from torch import Tensor, nn

from mmdeit.registry import HOOKS
from mmdeit.structures import (
    set_teacher_logits,
    stack_targets,
    stack_teacher_logits,
)
from mmdeit.teachers import BaseTeacher, prepare_teacher
from mmdeit.utils import keep_random_state


@HOOKS.register_module()
class TeacherHook(Hook):
    """Runs a frozen teacher once on each training batch.

    The teacher starts from the very tensor the student sees: after
    normalisation and Mixup or CutMix, in a forward hook of the model's data
    preprocessor. It is no submodule of the model, so it appears in no
    checkpoint, EMA copy, optimiser group or DDP bucket, and ``model.train()``
    cannot wake its batch norm. Validation and testing neither run nor build
    it.

    Args:
        teacher (dict): Config of a :class:`mmdeit.teachers.Teacher` or a
            :class:`mmdeit.teachers.TeacherEnsemble`.
        preflight (int): On how many held-out images the teacher is evaluated
            before the first iteration, see :mod:`mmdeit.teachers.preflight`;
            0 trusts it. Defaults to 512.
        log_interval (int): Every how many iterations the log receives
            ``teacher_agreement``, see :func:`teacher_agreement`. Each is a
            synchronisation with the GPU. Defaults to 50.

    Raises:
        ValueError: If ``preflight`` is no number of images.
    """

    def __init__(self,
                 teacher: dict,
                 preflight: int = 512,
                 log_interval: int = 50) -> None:
        if not isinstance(preflight, int) or preflight < 0:
            raise ValueError(f'TeacherHook: preflight is {preflight!r}: give a '
                             'number of images, or 0 to trust the teacher')
        self.teacher_cfg = teacher
        self.preflight = preflight
        self.log_interval = log_interval
        self.teacher: Optional[BaseTeacher] = None
        self._handle = None

    def before_train(self, runner: Runner) -> None:
        """Build the teacher, check it and attach it.

        Not in ``before_run``, where ``EMAHook`` copies the model with every
        hook on it.

        Raises:
            FileNotFoundError: If a checkpoint is missing.
            ValueError: If nothing asks for the teacher, its weights do not
                fit, it does not answer with logits for the student's classes,
                or the preflight refuses it.
        """
        model = runner.model
        if is_model_wrapper(model):
            model = model.module
        if not needs_teacher(model):
            raise ValueError(
                f'TeacherHook: {type(getattr(model, "head", model)).__name__} '
                "asks for no teacher: use type='mmdeit.DeiTClsHead' with "
                "loss=dict(type='mmdeit.DistillationLoss', mode='hard' or "
                "'soft'), or type='mmdeit.DistilledClassifier' for any other "
                'model, or remove the hook')
        with keep_random_state():  # the student's is the same with any teacher
            self.teacher = MODELS.build(self.teacher_cfg)
        prepare_teacher(self.teacher, runner, self.preflight)
        self._handle = model.data_preprocessor.register_forward_hook(
            self._attach_logits)

    def after_train(self, runner: Runner) -> None:
        """Detach the teacher and let its memory go."""
        self._handle.remove()
        self.teacher = None

    def after_train_iter(self,
                         runner: Runner,
                         batch_idx: int,
                         data_batch: Optional[dict] = None,
                         outputs: Optional[dict] = None) -> None:
        """Log now and then how far the teacher agrees with the labels."""
        if self.every_n_train_iters(runner, self.log_interval):
            samples = data_batch['data_samples']
            runner.message_hub.update_scalar(
                'train/teacher_agreement',
                teacher_agreement(
                    stack_teacher_logits(samples), stack_targets(samples)))

    @torch.no_grad()
    def teacher_logits(self, inputs: Tensor,
                       data_samples: Sequence) -> Tensor:
        """The teacher's answer to a batch: the one call a cache has to serve.

        Args:
            inputs (Tensor): Preprocessed images of shape ``(N, 3, H, W)``.
            data_samples (Sequence[DataSample]): Their samples.

        Returns:
            Tensor: Logits of shape ``(N, K)``.
        """
        return self.teacher(inputs)

    def _attach_logits(self, preprocessor: nn.Module, args: tuple,
                       batch: dict) -> None:
        # The hook's arguments cannot tell training from validation: wrappers
        # pass `training` by keyword, BaseModel by position.
        if preprocessor.training:
            logits = self.teacher_logits(batch['inputs'],
                                         batch['data_samples'])
            set_teacher_logits(batch['data_samples'], logits)


def needs_teacher(model: nn.Module) -> bool:
    """Whether a classifier, or its head, asks for teacher logits.

    Args:
        model (nn.Module): The classifier to train.

    Returns:
        bool: What it says of itself.
    """
    asks = getattr(model, 'head', None)
    if hasattr(model, 'needs_teacher'):
        asks = model
    return bool(getattr(asks, 'needs_teacher', False))


def teacher_agreement(teacher_logits: Tensor, target: Tensor) -> Tensor:
    """Mean share of the labels that the teacher's decision hits.

    Args:
        teacher_logits (Tensor): Logits of shape ``(N, K)``.
        target (Tensor): Labels ``(N, )``, for which this is the teacher's
            top-1 accuracy, or mixed targets ``(N, K)``, of which it counts
            the weight of the class that the teacher names.

    Returns:
        Tensor: A scalar between 0 and 1.
    """
    decision = teacher_logits.argmax(dim=1)
    if target.ndim == 1:
        return (decision == target).float().mean()
    return target.gather(1, decision[:, None]).float().mean()
