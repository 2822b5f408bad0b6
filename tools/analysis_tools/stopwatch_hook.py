"""Hooks that time the stages of mmengine's training step.

There are two, one that runs before all other hooks and one that runs after.
"""
import time

import torch
from mmengine.hooks import Hook
from mmengine.runner import Runner

from mmdeit.hooks import TeacherHook

STAGES = ('data loading', 'preprocessing', 'teacher', 'teacher hook',
          'student forward', 'backward', 'optimiser', 'other hooks')


class StopwatchHook(Hook):
    """Times each of the :data:`STAGES` of a training step.

    Args:
        warmup (int): Number of first iterations to leave out.
    """
    priority = 'VERY_LOW'  # after TeacherHook has attached its teacher

    def __init__(self, warmup: int) -> None:
        self.warmup = warmup
        self.steps: list = []  # seconds of each stage, for each step

    def mark(self, stage: str) -> None:
        """Add the time since the last mark to a stage."""
        if torch.cuda.is_available():
            torch.cuda.synchronize()
        now = time.perf_counter()
        self.step[stage] += now - self.last
        self.last = now

    def before_train(self, runner: Runner) -> None:
        self.step = dict.fromkeys(STAGES, 0.)
        self.last = time.perf_counter()
        preprocessor = runner.model.data_preprocessor
        # one before and one after the forward hook that runs the teacher
        preprocessor.register_forward_hook(
            lambda *_: self.mark('teacher hook'))
        preprocessor.register_forward_hook(
            lambda *_: self.mark('preprocessing'), prepend=True)
        for hook in runner.hooks:
            if isinstance(hook, TeacherHook) and hook.teacher:
                hook.teacher.register_forward_pre_hook(
                    lambda *_: self.mark('teacher hook'))
                hook.teacher.register_forward_hook(
                    lambda *_: self.mark('teacher'))

        backward = runner.optim_wrapper.backward

        def timed_backward(*args, **kwargs) -> None:
            self.mark('student forward')
            backward(*args, **kwargs)
            self.mark('backward')

        runner.optim_wrapper.backward = timed_backward

    def before_train_iter(self, runner: Runner, batch_idx: int,
                          data_batch: dict | None = None) -> None:
        self.mark('other hooks')

    def after_train_iter(self, runner: Runner, batch_idx: int,
                         data_batch: dict | None = None,
                         outputs: dict | None = None) -> None:
        self.mark('other hooks')
        if batch_idx >= self.warmup:
            self.steps.append(self.step)
        self.step = dict.fromkeys(STAGES, 0.)


class FirstHook(Hook):
    """Marks the ends of data loading and of the optimiser step.

    Args:
        stopwatch (StopwatchHook): The stopwatch to mark.
    """
    priority = 'HIGHEST'

    def __init__(self, stopwatch: StopwatchHook) -> None:
        self.stopwatch = stopwatch

    def before_train_iter(self, runner: Runner, batch_idx: int,
                          data_batch: dict | None = None) -> None:
        self.stopwatch.mark('data loading')

    def after_train_iter(self, runner: Runner, batch_idx: int,
                         data_batch: dict | None = None,
                         outputs: dict | None = None) -> None:
        self.stopwatch.mark('optimiser')
