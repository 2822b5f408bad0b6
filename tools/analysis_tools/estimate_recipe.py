"""Estimate what recipes need, on paper: memory, hours, and what bounds them.

Nothing is timed. Multiplications and calls are counted in passes of an image
or two on the CPU; the rest are assumptions that the arguments state.

  FLOPs    two for each multiplication mmengine counts, and those of attention;
           three student passes a step (backward is two) and one of the teacher
  memory   20 bytes a parameter (weight, gradient, AdamW, average), 4 one of the
           teacher, and what a pass keeps of each image for its backward, in
           bf16; without buffers of kernels, or what the allocator wastes
  hours    FLOPs by a fraction of the GPUs' peak; the cached ones without the
           teacher
  bound    the longest of the FLOPs, launching every call of ATen in turn, and
           a ring's all-reduce of fp32 gradients; loading is beside it: CPU
           cores for each GPU that keep up
"""
import argparse
import contextlib
import io
import logging
import sys
from pathlib import Path

from mmengine.registry import init_default_scope
from peers.report import write
from recipe_cost import ROOT, recipe_cost
from rich.console import Console
from rich.markdown import Markdown

from mmdeit.cli import (
    add_traceback_argument,
    check_output,
    end_in_one_line,
    read_config,
)

RECIPES = ROOT / 'configs/deit'
GPUS = (8, 64)


def bounds(cost: dict, gpus: int, args: argparse.Namespace) -> dict:
    """Estimate a step on some GPUs.

    Returns:
        dict: Seconds of ``FLOPs``, ``launches`` and ``all-reduce``; the
        ``bound``, the longest; and the CPU ``cores`` of a GPU that load its
        images meanwhile.
    """
    share = cost['batch'] / gpus
    passes = max(1, share / cost['part'])
    flops = 2 * (3 * cost['student'] + cost['teacher']) * share
    seconds = {
        'FLOPs': flops / (args.fraction * args.peak * 1e12),
        'launches': cost['calls'] * passes * args.launch * 1e-6,
        'all-reduce': (2 * (gpus - 1) / gpus * 4 * cost['parameters']
                       / (args.bandwidth * 1e9)),
    }
    bound = max(seconds, key=seconds.get)
    return dict(seconds, bound=bound,
                cores=share / seconds[bound] / args.images_per_core)


def hours(cost: dict, args: argparse.Namespace, teacher: bool) -> float | None:
    """Hours of a training on 8 GPUs, by its FLOPs; None if its size is open."""
    if not cost['views']:
        return None
    flops = 2 * (3 * cost['student'] + teacher * cost['teacher'])
    return cost['views'] * flops / (
        GPUS[0] * args.fraction * args.peak * 1e12 * 3600)


def table(rows: list[dict], args: argparse.Namespace) -> str:
    """Write both tables, in Markdown."""
    lines = [
        f'Estimates, not measured, for GPUs of {args.peak:g} TFLOP/s in bf16, '
        f'of which {args.fraction:.0%} is reached, {args.launch:g} µs a '
        f'launch, {args.bandwidth:g} GB/s from GPU to GPU, '
        f'{args.images_per_core:g} images a second by a CPU core.', '',
        '| recipe | GFLOPs an image, student x 3 + teacher | images of a GPU '
        f'at a time | memory of a GPU, GiB | hours on {GPUS[0]} GPUs | from a '
        'cache |', '| --- |' + ' ---: |' * 5
    ]
    for row in rows:
        spent = ['' if value is None else f'{value:.3g}'
                 for value in (row['hours'], row['hours_cached'])]
        lines.append(
            f'| {row["recipe"]} | {6 * row["student"] / 1e9:.3g} + '
            f'{2 * row["teacher"] / 1e9:.3g} | {row["part"]} | '
            f'{row["memory"] / 2**30:.2g} | {spent[0]} | {spent[1]} |')
    lines += [
        '', '| recipe | GPUs | FLOPs, ms a step | launches, ms | all-reduce, '
        'ms | bound | cores of a GPU |', '| --- |' + ' ---: |' * 4
        + ' --- | ---: |'
    ]
    for row in rows:
        for gpus, found in row['steps'].items():
            times = ' | '.join(
                f'{1000 * found[name]:.3g}'
                for name in ('FLOPs', 'launches', 'all-reduce'))
            lines.append(f'| {row["recipe"]} | {gpus} | {times} | '
                         f'{found["bound"]} | {found["cores"]:.3g} |')
    return '\n'.join(lines) + '\n'


def estimate(args: argparse.Namespace) -> None:
    """Count, then print and write the estimates."""
    if args.out:
        check_output(f'{args.out}.json', '--out')
    logging.getLogger('mmengine').setLevel(logging.ERROR)
    rows = []
    for path in args.configs or sorted(map(str, RECIPES.glob('*.py'))):
        print(path, file=sys.stderr)
        cfg = read_config(path)
        init_default_scope(cfg.default_scope)
        with contextlib.redirect_stdout(io.StringIO()):
            cost = recipe_cost(cfg, args.images)
        rows.append(dict(
            recipe=Path(path).stem, **cost, hours=hours(cost, args, True),
            hours_cached=hours(cost, args, False),
            steps={gpus: bounds(cost, gpus, args) for gpus in GPUS}))
    text = table(rows, args)
    Console(width=120).print(Markdown(text))
    if args.out:
        write(rows, text, args.out)


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        'configs', nargs='*', help='DeiT recipes (default: configs/deit/*.py)')
    for name, default, meaning in (
            ('peak', 312., 'TFLOP/s of a GPU in bf16, as an A100'),
            ('fraction', .4, 'share of it that a training reaches'),
            ('launch', 5., 'µs to launch a kernel'),
            ('bandwidth', 25., 'GB/s between two GPUs, of the slowest link'),
            ('images-per-core', 463., 'a second, of benchmark_loader.py')):
        parser.add_argument(f'--{name}', type=float, default=default,
                            help=f'{meaning} (default: %(default)s)')
    parser.add_argument(
        '--images', type=int, help='of an epoch, where a recipe leaves it open')
    parser.add_argument(
        '--out', type=Path,
        help='name, without an ending, of the results: OUT.json, a recipe a '
        'line, and the tables OUT.md')
    add_traceback_argument(parser)
    args = parser.parse_args()
    if min(args.peak, args.fraction, args.launch, args.bandwidth,
           args.images_per_core) <= 0 or args.fraction > 1:
        parser.error('give numbers above 0, and a --fraction of at most 1')
    return args


def main() -> None:
    args = parse_args()
    with end_in_one_line(args):
        estimate(args)


if __name__ == '__main__':
    main()
