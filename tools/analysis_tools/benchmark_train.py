"""Measure how fast a config trains, and where the time of a step goes.

The config runs in mmengine's Runner as it would in training, hooks included,
once without and once with its teacher, each in a process of its own. The
clock is read, and a GPU waited for, only between the stages of a step.
"""
import argparse
import copy
import platform
import resource
import sys
import tempfile
import time
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from typing import Optional

import mmengine
import numpy as np
import torch
from mmengine.config import Config
from mmengine.hooks import Hook
from mmengine.registry import MODELS
from mmengine.runner import Runner
from rich.console import Console
from rich.table import Table

from mmdeit.cli import (
    add_common_arguments,
    build_runner,
    check_data,
    load_config,
    set_dataloader_defaults,
)
from mmdeit.hooks import TeacherHook

STAGES = ('data loading', 'preprocessing', 'teacher', 'teacher hook',
          'student forward', 'backward', 'optimiser', 'other hooks')


class StopwatchHook(Hook):
    """Splits each training step among :data:`STAGES`.

    Args:
        warmup (int): First iterations not to count.
    """
    priority = 'VERY_LOW'  # after TeacherHook has attached its teacher

    def __init__(self, warmup: int) -> None:
        self.warmup = warmup
        self.steps: list = []  # seconds of each stage, for each step

    def mark(self, stage: str) -> None:
        """Give the time since the last mark to a stage."""
        if torch.cuda.is_available():
            torch.cuda.synchronize()
        now = time.perf_counter()
        self.step[stage] += now - self.last
        self.last = now

    def before_train(self, runner: Runner) -> None:
        self.step = dict.fromkeys(STAGES, 0.)
        self.last = time.perf_counter()
        preprocessor = runner.model.data_preprocessor
        # Around the forward hook by which the teacher is attached: one mark
        # before it, one after.
        preprocessor.register_forward_hook(
            lambda *_: self.mark('teacher hook'))
        preprocessor.register_forward_hook(
            lambda *_: self.mark('preprocessing'), prepend=True)
        for hook in runner.hooks:
            if isinstance(hook, TeacherHook):
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
                          data_batch: Optional[dict] = None) -> None:
        self.mark('other hooks')

    def after_train_iter(self, runner: Runner, batch_idx: int,
                         data_batch: Optional[dict] = None,
                         outputs: Optional[dict] = None) -> None:
        self.mark('other hooks')
        if batch_idx >= self.warmup:
            self.steps.append(self.step)
        self.step = dict.fromkeys(STAGES, 0.)


class FirstHook(Hook):
    """Marks where the stages around all other hooks end.

    Args:
        stopwatch (StopwatchHook): Whose marks to set.
    """
    priority = 'HIGHEST'

    def __init__(self, stopwatch: StopwatchHook) -> None:
        self.stopwatch = stopwatch

    def before_train_iter(self, runner: Runner, batch_idx: int,
                          data_batch: Optional[dict] = None) -> None:
        self.stopwatch.mark('data loading')

    def after_train_iter(self, runner: Runner, batch_idx: int,
                         data_batch: Optional[dict] = None,
                         outputs: Optional[dict] = None) -> None:
        self.stopwatch.mark('optimiser')


def measure(cfg: Config, warmup: int, iters: int) -> dict:
    """Train for some iterations and measure them.

    Args:
        cfg (Config): The config to train.
        warmup (int): Iterations before the measured ones.
        iters (int): Iterations to measure.

    Returns:
        dict: ``steps``, seconds of each stage for each measured iteration;
        ``batch_size``; ``device``; and ``peak_memory`` in bytes, of the GPU
        or else of the process.
    """
    runner = build_runner(cfg)
    stopwatch = StopwatchHook(warmup)
    runner.register_hook(stopwatch)
    runner.register_hook(FirstHook(stopwatch))
    runner.train()
    if torch.cuda.is_available():
        device = torch.cuda.get_device_name()
        peak_memory = torch.cuda.max_memory_allocated()
    else:
        device = f'CPU, {torch.get_num_threads()} threads'
        peak_memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        if platform.system() == 'Linux':  # in KiB; elsewhere in bytes
            peak_memory *= 1024
    return dict(
        steps=stopwatch.steps,
        batch_size=cfg.train_dataloader.batch_size,
        device=device,
        peak_memory=peak_memory)


def summarize(result: dict) -> dict:
    """Reduce the measured steps to medians and spreads.

    Args:
        result (dict): Of :func:`measure`.

    Returns:
        dict: Images per second; for each stage and the whole ``step`` the
        median, 10th and 90th percentile in ms; the share of each stage in
        the summed medians; and the rest of ``result``.
    """
    stages = {
        name: np.array([step[name] for step in result['steps']]) * 1000
        for name in STAGES
    }
    stages['step'] = sum(stages.values())
    medians = {name: float(np.median(ms)) for name, ms in stages.items()}
    total = sum(medians[name] for name in STAGES)
    return dict(
        images_per_second=1000 * result['batch_size'] / medians['step'],
        stages={
            name: dict(
                median_ms=medians[name],
                p10_ms=float(np.percentile(ms, 10)),
                p90_ms=float(np.percentile(ms, 90)),
                share=1. if name == 'step' else medians[name] / total)
            for name, ms in stages.items()
        },
        iterations=len(result['steps']),
        **{k: v for k, v in result.items() if k != 'steps'})


def show(summaries: dict) -> None:
    """Print the summaries side by side.

    Args:
        summaries (dict[str, dict]): Of :func:`summarize`, by their name.
    """
    some = next(iter(summaries.values()))
    table = Table(
        title=f'{some["device"]}, batch of {some["batch_size"]}, '
        f'{some["iterations"]} iterations, torch {torch.__version__}')
    table.add_column('median ms (p10 - p90), share')
    for name in summaries:
        table.add_column(name, justify='right')

    def row(label: str, texts: list) -> None:
        table.add_row(label, *texts)

    for stage in (*STAGES, 'step'):
        cells = [summary['stages'][stage] for summary in summaries.values()]
        row(stage, [
            f'{c["median_ms"]:.1f} ({c["p10_ms"]:.1f} - {c["p90_ms"]:.1f})'
            f' {100 * c["share"]:5.1f}%' for c in cells
        ])
    row('images per second',
        [f'{s["images_per_second"]:.1f}' for s in summaries.values()])
    row('peak memory, GiB',
        [f'{s["peak_memory"] / 2**30:.2f}' for s in summaries.values()])
    Console(width=100).print(table)


def make_configs(cfg: Config, iters: int) -> dict:
    """Derive what is measured: the config without, and with, its teacher.

    Args:
        cfg (Config): The training config.
        iters (int): Iterations to run.

    Returns:
        dict[str, Config]: By name; without a TeacherHook only one.
    """
    cfg.train_cfg = dict(by_epoch=False, max_iters=iters)
    cfg.param_scheduler = None
    cfg.val_cfg = cfg.val_dataloader = cfg.val_evaluator = None
    cfg.test_cfg = cfg.test_dataloader = cfg.test_evaluator = None
    cfg.default_hooks.checkpoint = None
    hooks = cfg.get('custom_hooks') or []
    others = [h for h in hooks if h['type'] != 'mmdeit.TeacherHook']
    alone = copy.deepcopy(cfg)
    if len(others) == len(hooks):
        return {'no teacher': alone}
    alone.custom_hooks = others
    alone.model.head.loss.mode = 'none'
    return {'without teacher': alone, 'with teacher': cfg}


def randomize_teacher(cfg: Config, folder: str) -> None:
    """Replace the teacher's checkpoint by random weights, in place."""
    for hook in cfg.get('custom_hooks') or []:
        if hook['type'] == 'mmdeit.TeacherHook':
            with mmengine.DefaultScope.overwrite_default_scope(
                    cfg.default_scope):
                teacher = MODELS.build(copy.deepcopy(hook['teacher']))
            hook['checkpoint'] = str(Path(folder, 'teacher.pth'))
            torch.save(teacher.state_dict(), hook['checkpoint'])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split('\n')[0])
    parser.add_argument('config', help='train config file path')
    parser.add_argument(
        '--iters', type=int, default=50, help='iterations to measure')
    parser.add_argument(
        '--warmup', type=int, default=10, help='iterations before them')
    parser.add_argument(
        '--random-teacher',
        action='store_true',
        help="do not load the teacher's checkpoint; speed does not depend on "
        'the weights')
    parser.add_argument('--out', help='JSON file to write the summaries to')
    add_common_arguments(parser)
    args = parser.parse_args()
    if args.launcher != 'none':
        parser.error('measures one process: no --launcher')

    cfg = load_config(args)
    if args.amp:
        cfg.optim_wrapper.type = 'AmpOptimWrapper'
    set_dataloader_defaults(
        cfg, pin_memory=not args.no_pin_memory, persistent_workers=True)
    check_data(cfg, 'train_dataloader')
    with tempfile.TemporaryDirectory() as folder:
        if args.random_teacher:
            randomize_teacher(cfg, folder)
        summaries = {}
        variants = make_configs(cfg, args.warmup + args.iters)
        for name, variant in variants.items():
            print(f'Measuring {name} ...', file=sys.stderr)
            # A process for each, so that each has its own peak of memory.
            with ProcessPoolExecutor(1, get_context('spawn')) as pool:
                result = pool.submit(measure, variant, args.warmup, args.iters)
                summaries[name] = summarize(result.result())
    show(summaries)
    if args.out:
        mmengine.dump(summaries, args.out, indent=2)


if __name__ == '__main__':
    main()
