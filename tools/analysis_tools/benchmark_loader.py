"""Measure how fast a config reads its training images, and what a view costs.

Without a model: images are read, augmented and stacked to batches, in this
process or in workers, once as mmengine's loops ask for them, by index, and once
as ours do, by view. Short rounds take turns, over the same images; the first
one is not counted, so the files are in memory. Without workers the time is that
of the CPU, in which other programs hardly count.

With --against CONFIG, another config of the same images takes turns with it, as
the one of an earlier release, and the tables compare both.
"""
import argparse
import os
import tempfile
from collections.abc import Iterable, Sequence
from datetime import date
from statistics import median

import cv2
import mmcv
import numpy as np
import torch
from loaders import Loaders
from mmengine.config import Config
from mmengine.registry import init_default_scope
from rich.box import MARKDOWN
from rich.console import Console
from rich.progress import track
from rich.table import Table

from mmdeit.cli import (
    add_common_arguments,
    check_data,
    end_in_one_line,
    load_config,
    set_dataloader_defaults,
)


def show(rounds: list[dict], parts: dict[str, float], count: int) -> None:
    """Print both tables.

    Args:
        rounds (list[dict]): Seconds of each round, by loader.
        parts (dict[str, float]): Milliseconds of a view, by part.
        count (int): Views of a round.
    """
    first, *_ = rounds[0]
    rows = []
    for name in rounds[0]:
        middle = median(seconds[name] for seconds in rounds)
        ratios = [seconds[name] / seconds[first] for seconds in rounds]
        rows.append((
            name, f'{count / middle:.1f}', f'{1000 * middle / count:.3f}',
            '' if name == first else spread(ratios)))
    print_table(
        ('', 'images per second', 'ms per view', 'time, to the first'), rows)
    print_table(('one view, in this process', 'ms', 'share'), [
        (name, f'{value:.3f}', f'{100 * value / sum(parts.values()):.1f}%')
        for name, value in parts.items()])


def compare(rounds: list[tuple[dict, dict]], parts: tuple[dict, dict],
            count: int) -> None:
    """Print both tables for a config and the one it is compared with.

    Args:
        rounds (list[tuple[dict, dict]]): Of both, as in :func:`show`.
        parts (tuple[dict, dict]): Of both, as in :func:`show`.
        count (int): Views of a round.
    """
    heads = 'against', 'config', 'times as fast'
    rows = []
    for name in rounds[0][0]:
        ours, theirs = ([both[i][name] for both in rounds] for i in (0, 1))
        rows.append((
            name, *(f'{1000 * median(times) / count:.3f}'
                    for times in (theirs, ours)),
            spread(np.divide(theirs, ours))))
    print_table(('ms per view', *heads), rows)
    ours, theirs = parts
    print_table(('one view, in this process', *heads), [
        (name, f'{theirs[name]:.3f}', f'{ours[name]:.3f}',
         f'{theirs[name] / ours[name]:.2f}')
        for name in ours if name in theirs])


def spread(ratios: Sequence[float]) -> str:
    """Median, 10th and 90th percentile."""
    low, middle, high = np.percentile(ratios, (10, 50, 90))
    return f'{middle:.3f} ({low:.3f} - {high:.3f})'


def print_table(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    """Print a table in Markdown, its first column to the left."""
    table = Table(box=MARKDOWN)
    for head in heads:
        table.add_column(head, justify='right' if table.columns else 'left')
    for row in rows:
        table.add_row(*row)
    Console(width=100).print(table)


def build_loaders(cfg: Config, args: argparse.Namespace) -> Loaders:
    """The ways to load a config's training images."""
    if cfg.get('train_dataloader') is None:
        raise ValueError(f'{cfg.filename} has no train_dataloader: give a '
                         'config that trains')
    set_dataloader_defaults(cfg, pin_memory=False)
    check_data(cfg, 'train_dataloader')
    init_default_scope(cfg.get('default_scope', 'mmengine'))
    return Loaders(
        cfg.train_dataloader, args.images, args.num_workers, args.seed)


def benchmark(configs: list[Config], args: argparse.Namespace) -> None:
    """Measure one config, or two in turns, then print the results."""
    # as in a worker
    torch.set_num_threads(1)
    cv2.setNumThreads(0)
    measured = [build_loaders(cfg, args) for cfg in configs]
    loaders = measured[0]
    count = len(loaders.images) * loaders.repeats
    if any(len(other.images) * other.repeats != count for other in measured):
        raise ValueError(f'{args.against} does not load as many views as '
                         f'{args.config}: give configs of the same images')
    rounds = [
        tuple(one.time_round(number) for one in measured) for number in track(
            range(args.rounds + 1), 'Loading', console=Console(stderr=True))]
    print(f'{args.config}: {args.rounds} rounds of {count} views of '
          f'{len(loaders.images)} images, batches of {loaders.batch_size}, '
          f'{args.num_workers} workers; median (10th - 90th percentile)\n'
          f'{len(os.sched_getaffinity(0))} CPU cores, {date.today()}, torch '
          f'{torch.__version__}, mmcv {mmcv.__version__}, OpenCV '
          f'{cv2.__version__}')
    parts = tuple(one.time_parts() for one in measured)
    if args.against:
        compare(rounds[1:], parts, count)
    else:
        show([seconds for seconds, in rounds[1:]], *parts, count)


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('config', help='train config file path')
    parser.add_argument('--against', metavar='CONFIG',
                        help='another config of the same images, to compare')
    for name, default, meaning in (
            ('rounds', 10, 'rounds to measure'),
            ('images', 64, 'images of a round; all if there are fewer'),
            ('num-workers', 0, 'processes that load; 0 is this one'),
            ('seed', 0, 'of the choice of images and of the views')):
        parser.add_argument(f'--{name}', type=int, default=default,
                            help=f'{meaning} (default: %(default)s)')
    add_common_arguments(parser)
    args = parser.parse_args()
    if args.launcher != 'none':
        parser.error('runs in one process: leave out --launcher')
    if min(args.rounds, args.images) < 1 or min(
            args.num_workers, args.seed) < 0:
        parser.error(
            f'--rounds is {args.rounds}, --images {args.images}, --num-workers '
            f'{args.num_workers}, --seed {args.seed}: give numbers from 1, 1, '
            '0 and 0')
    return args


def main() -> None:
    args = parse_args()
    with tempfile.TemporaryDirectory() as folder, end_in_one_line(args):
        args.work_dir = args.work_dir or folder
        configs = [load_config(args)]
        if args.against:
            configs.append(load_config(argparse.Namespace(
                **{**vars(args), 'config': args.against})))
        benchmark(configs, args)


if __name__ == '__main__':
    main()
