"""Measure how fast a config trains, and how long each stage of a step takes.

The config runs in mmengine's Runner as in training, hooks included: without
its teacher, with it, with it and a cache that is filled, and from this cache,
each in its own process and on the same views. The clock is read, and the GPU
synchronised, only between the stages of a step.
"""
import argparse
import copy
import sys
import tempfile
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

import mmengine
import numpy as np
import torch
from machine import device_name, peak_memory
from mmengine.config import Config
from rich.console import Console
from rich.table import Table
from stopwatch_hook import STAGES, FirstHook, StopwatchHook
from variants import make_configs, randomize_teacher, switch_off_distillation

from mmdeit.cli import (
    add_common_arguments,
    build_runner,
    check_data,
    check_output,
    check_schedule,
    check_training,
    end_in_one_line,
    find_teacher_hook,
    load_config,
    set_dataloader_defaults,
)


def measure(cfg: Config, warmup: int, iters: int) -> dict:
    """Train for some iterations and time them.

    Args:
        cfg (Config): The config to train.
        warmup (int): Iterations before the measured ones.
        iters (int): Iterations to measure.

    Returns:
        dict: ``steps``, the seconds of each stage in each measured iteration;
        ``batch_size``; ``device``; and ``peak_memory`` in bytes, of the GPU
        or else of the process.
    """
    runner = build_runner(cfg)
    check_training(runner)
    if find_teacher_hook(cfg) is None:
        switch_off_distillation(runner.model)
    stopwatch = StopwatchHook(warmup)
    runner.register_hook(stopwatch)
    runner.register_hook(FirstHook(stopwatch))
    runner.train()
    return dict(
        steps=stopwatch.steps,
        batch_size=cfg.train_dataloader.batch_size,
        device=device_name(),
        peak_memory=peak_memory())


def summarize(results: list[dict]) -> dict:
    """Reduce the measured steps to medians and spreads.

    Args:
        results (list[dict]): Of each round, from :func:`measure`.

    Returns:
        dict: Images per second; for each stage and the whole ``step`` the
        median, 10th and 90th percentile in ms; the share of each stage in
        the sum of medians; ``rounds``, the median step of each; and the rest
        of a result.
    """
    steps = [step for result in results for step in result['steps']]
    stages = {
        name: np.array([step[name] for step in steps]) * 1000
        for name in STAGES
    }
    stages['step'] = sum(stages.values())
    medians = {name: float(np.median(ms)) for name, ms in stages.items()}
    total = sum(medians[name] for name in STAGES)
    rounds = [1000 * float(np.median([sum(step.values())
                                      for step in result['steps']]))
              for result in results]
    return dict(
        images_per_second=1000 * results[0]['batch_size'] / medians['step'],
        stages={
            name: dict(
                median_ms=medians[name],
                p10_ms=float(np.percentile(ms, 10)),
                p90_ms=float(np.percentile(ms, 90)),
                share=1. if name == 'step' else medians[name] / total)
            for name, ms in stages.items()
        },
        rounds=rounds,
        iterations=len(steps),
        batch_size=results[0]['batch_size'],
        device=results[0]['device'],
        peak_memory=max(result['peak_memory'] for result in results))


def show(summaries: dict) -> None:
    """Print the summaries side by side.

    Args:
        summaries (dict[str, dict]): From :func:`summarize`, by name.
    """
    some = next(iter(summaries.values()))
    table = Table(
        title=f'{some["device"]}, batch of {some["batch_size"]}, '
        f'{some["iterations"]} iterations, torch {torch.__version__}')
    table.add_column('median ms (p10 - p90)')
    for name in summaries:
        table.add_column(name, justify='right')

    def row(label: str, texts: list) -> None:
        table.add_row(label, *texts)

    for stage in (*STAGES, 'step'):
        cells = [summary['stages'][stage] for summary in summaries.values()]
        row(stage, [
            f'{c["median_ms"]:.1f} ({c["p10_ms"]:.1f} - {c["p90_ms"]:.1f})'
            for c in cells
        ])
    row('step, to the first', [
        '{1:.3f} ({0:.3f} - {2:.3f})'.format(*np.percentile(
            np.divide(summary['rounds'], some['rounds']), [10, 50, 90]))
        for summary in summaries.values()
    ])
    row('images per second',
        [f'{s["images_per_second"]:.1f}' for s in summaries.values()])
    row('peak memory, GiB',
        [f'{s["peak_memory"] / 2**30:.2f}' for s in summaries.values()])
    Console(width=120).print(table)


def benchmark(args: argparse.Namespace) -> None:
    """Measure, then print and write the results."""
    cfg = load_config(args)
    if args.out:
        check_output(args.out, '--out')
    check_schedule(cfg)
    set_dataloader_defaults(cfg, not args.no_pin_memory)
    check_data(cfg, 'train_dataloader')
    with tempfile.TemporaryDirectory() as folder:
        if args.random_teacher:
            randomize_teacher(cfg, folder)
        results: dict[str, list] = {}
        for number in range(args.rounds):
            variants = make_configs(
                copy.deepcopy(cfg), args.warmup + args.iters,
                str(Path(folder, f'cache_{number}')))
            for name, variant in variants.items():
                print(f'Measuring {name} ...', file=sys.stderr)
                # in its own process, for its own peak memory
                with ProcessPoolExecutor(1, get_context('spawn')) as pool:
                    result = pool.submit(
                        measure, variant, args.warmup, args.iters).result()
                results.setdefault(name, []).append(result)
    summaries = {name: summarize(found) for name, found in results.items()}
    show(summaries)
    if args.out:
        mmengine.dump(summaries, args.out, indent=2)


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.split('\n')[0])
    parser.add_argument('config', help='train config file path')
    parser.add_argument(
        '--iters',
        type=int,
        default=50,
        help='iterations to measure; defaults to 50')
    parser.add_argument(
        '--warmup',
        type=int,
        default=10,
        help='warm-up iterations before them; defaults to 10')
    parser.add_argument(
        '--rounds',
        type=int,
        default=1,
        help='how often to measure each, in turn, for a machine that is not '
        'idle; defaults to 1')
    parser.add_argument(
        '--random-teacher',
        action='store_true',
        help="do not load the teacher's checkpoint; speed does not depend on "
        'the weights')
    parser.add_argument('--out', help='JSON file to write the summaries to')
    add_common_arguments(parser)
    args = parser.parse_args()
    if args.launcher != 'none':
        parser.error('runs in one process: leave out --launcher')
    if args.iters < 1 or args.rounds < 1 or args.warmup < 0:
        parser.error(f'--iters is {args.iters}, --rounds {args.rounds}, '
                     f'--warmup {args.warmup}: give numbers from 1, 1 and 0')
    return args


def main() -> None:
    args = parse_args()
    with end_in_one_line(args):
        benchmark(args)


if __name__ == '__main__':
    main()
