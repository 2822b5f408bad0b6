"""The teacher of the distillation, beside the model rather than inside it.

The hook owns the teacher and the moment at which it looks at a batch. It
knows no student: it leaves its logits in the batch, as
:mod:`mmdeit.structures` describes, for whichever head asks for them.
"""
from typing import Optional, Sequence

import numpy as np
import torch
from mmengine.hooks import Hook
from mmengine.model import is_model_wrapper
from mmengine.registry import MODELS
from mmengine.runner import Runner
from torch import Tensor, nn

from mmdeit.checkpoint import load_weights
from mmdeit.registry import HOOKS
from mmdeit.structures import (
    set_teacher_logits,
    stack_targets,
    stack_teacher_logits,
)


@HOOKS.register_module()
class TeacherHook(Hook):
    """Runs a frozen teacher once on each training batch.

    The teacher sees the very tensor the student sees: after normalisation
    and Mixup or CutMix, under the same autocast, because it runs in a forward
    hook of the model's data preprocessor. It is no submodule of the model, so
    it appears in no checkpoint, EMA copy, optimiser group or DDP bucket, and
    ``model.train()`` cannot wake its batch norm. Validation and testing
    neither run nor build it.

    Args:
        teacher (dict): Config of the teacher, a model that returns logits of
            shape ``(N, K)`` for ``mode='tensor'``, such as an
            ``ImageClassifier``. Its ``data_preprocessor``, where given, must
            normalise as the student's does.
        checkpoint (str): Path or address of the teacher's weights; they must
            fit exactly. See :func:`mmdeit.checkpoint.load_weights`.
        log_interval (int): Every how many iterations the log receives
            ``teacher_agreement``, see :func:`teacher_agreement`. Each is a
            synchronisation with the GPU. Defaults to 50.
    """

    def __init__(self,
                 teacher: dict,
                 checkpoint: str,
                 log_interval: int = 50) -> None:
        self.teacher_cfg = teacher
        self.checkpoint = checkpoint
        self.log_interval = log_interval
        self.teacher: Optional[nn.Module] = None
        self._handle = None

    def before_train(self, runner: Runner) -> None:
        """Build the teacher and attach it.

        Not in ``before_run``, where ``EMAHook`` copies the model with every
        hook on it.

        Raises:
            FileNotFoundError: If the checkpoint is missing.
            ValueError: If the checkpoint does not fit, or the student and the
                teacher do not: no distilling head, another number of classes,
                another normalisation.
        """
        model = runner.model
        if is_model_wrapper(model):
            model = model.module
        head = getattr(model, 'head', None)
        if not getattr(head, 'needs_teacher', False):
            raise ValueError(
                f'TeacherHook: the head {type(head).__name__} asks for no '
                "teacher: use type='mmdeit.DeiTClsHead' with "
                "loss=dict(type='mmdeit.DistillationLoss', mode='hard' or "
                "'soft'), or remove the hook")

        teacher = MODELS.build(self.teacher_cfg)
        check_teacher(teacher, model)
        load_weights(teacher, self.checkpoint)
        teacher.requires_grad_(False)
        teacher.eval()
        self.teacher = teacher.to(next(model.parameters()).device)
        self._handle = model.data_preprocessor.register_forward_hook(
            self._attach_logits)
        runner.logger.info(f'Teacher: {self.checkpoint}')

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
        return self.teacher(inputs, mode='tensor')

    def _attach_logits(self, preprocessor: nn.Module, args: tuple,
                       batch: dict) -> None:
        # The hook's arguments cannot tell training from validation: wrappers
        # pass `training` by keyword, BaseModel by position.
        if preprocessor.training:
            logits = self.teacher_logits(batch['inputs'],
                                         batch['data_samples'])
            set_teacher_logits(batch['data_samples'], logits)


def check_teacher(teacher: nn.Module, student: nn.Module) -> None:
    """Check, before a weight is loaded, that a teacher fits a student.

    Args:
        teacher (nn.Module): The teacher.
        student (nn.Module): The classifier to train.

    Raises:
        ValueError: If their numbers of classes differ, or the teacher states
            a normalisation or channel order that is not the student's.
    """
    classes = student.head.num_classes
    taught = getattr(getattr(teacher, 'head', None), 'num_classes', classes)
    if taught != classes:
        raise ValueError(
            f'TeacherHook: the teacher has {taught} classes, the student '
            f'{classes}: give both the same num_classes')

    theirs = getattr(teacher, 'data_preprocessor', None)
    if getattr(theirs, 'mean', None) is None:
        return
    for name in ('mean', 'std', 'to_rgb'):
        expected, seen = (
            np.ravel(getattr(preprocessor, name, None)).tolist()
            for preprocessor in (theirs, student.data_preprocessor))
        if expected != seen:
            raise ValueError(
                'TeacherHook: the teacher sees the images as the student does, '
                f'with {name} {seen}, but expects {expected}: give both the '
                'same data_preprocessor')


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
