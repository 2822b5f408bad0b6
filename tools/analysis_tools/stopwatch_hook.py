"""Timing the stages of a training step: a stopwatch, and hooks of mmengine.

There are two hooks, one that runs before all others and one that runs after.
"""
import time

import torch
from mmengine.hooks import Hook
from mmengine.runner import Runner

from mmdeit.hooks import TeacherHook
from mmdeit.utils import unwrap_model

STAGES = ('data loading', 'preprocessing', 'teacher', 'teacher hook',
          'student forward', 'backward', 'optimiser', 'other hooks')


class Stopwatch:
    """Times each of the :data:`STAGES` of a training step.

    Args:
        warmup (int): Number of first steps to leave out. They do not wait for
            the GPU.
    """

    def __init__(self, warmup: int) -> None:
        self.warmup = warmup
        self.number = 0  # of the step
        self.steps: list = []  # seconds of each stage, for each step
        self.start_step()

    def start_step(self) -> None:
        """Begin to time a step."""
        self.step = dict.fromkeys(STAGES, 0.)
        self.last = time.perf_counter()

    def mark(self, stage: str) -> None:
        """Add the time since the last mark to a stage."""
        if self.number < self.warmup:
            return
        if torch.cuda.is_available():
            torch.cuda.synchronize()
        now = time.perf_counter()
        self.step[stage] += now - self.last
        self.last = now

    def end_step(self) -> None:
        """Keep the times of a step, and begin the next one."""
        if self.number >= self.warmup:
            self.steps.append(self.step)
        elif self.number + 1 == self.warmup and torch.cuda.is_available():
            torch.cuda.synchronize()
        self.number += 1
        self.start_step()


class StopwatchHook(Stopwatch, Hook):
    """Times mmengine's training steps; arguments are those of its base."""
    priority = 'VERY_LOW'  # after TeacherHook has attached its teacher

    def before_train(self, runner: Runner) -> None:
        self.start_step()
        preprocessor = unwrap_model(runner.model).data_preprocessor
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
        self.end_step()


class FirstHook(Hook):
    """Marks the ends of data loading and of the optimiser step.

    Args:
        stopwatch (Stopwatch): The stopwatch to mark.
    """
    priority = 'HIGHEST'

    def __init__(self, stopwatch: Stopwatch) -> None:
        self.stopwatch = stopwatch

    def before_train_iter(self, runner: Runner, batch_idx: int,
                          data_batch: dict | None = None) -> None:
        self.stopwatch.mark('data loading')

    def after_train_iter(self, runner: Runner, batch_idx: int,
                         data_batch: dict | None = None,
                         outputs: dict | None = None) -> None:
        self.stopwatch.mark('optimiser')
