"""Measure how speed and memory grow, along one axis at a time.

Batch, image size, width of the student and number of processes (NCCL on GPUs,
else gloo) start from a preset of compare_peers.py, on its ready batches. On
several processes each takes the whole batch, and rates are of all together.
"""
import argparse
import os
import socket
import sys
import tempfile
from dataclasses import replace
from pathlib import Path
from statistics import median

import torch
from machine import circumstances
from mmengine.config import Config
from peers.ours import our_config, our_configs, train_ours
from peers.presets import METHODS, PEERS, PRESETS, Preset, Size, supported
from peers.report import write
from peers.turns import Training, Turns
from rich.console import Console
from rich.markdown import Markdown
from variants import randomize_teacher

from mmdeit.cli import add_traceback_argument, check_output, end_in_one_line

# Of the preset's batch, image size and width; and processes.
AXES = {
    'batch': (.5, 1, 2, 4),
    'size': (1, 1.5, 2),
    'width': (1, 2, 4),
    'processes': (1, 2, 4),
}
_LABELS = dict(batch='images of a process', size='pixels, height and width',
               width='width of the student', processes='processes')


def point(preset: Preset, axis: str, factor: float) -> tuple[Preset, Size, int]:
    """The preset, the student and the number of processes at one point."""
    student = next(iter(preset.students.values()))
    if axis == 'processes':
        return preset, student, factor
    if axis == 'width':  # heads of the same width
        return preset, replace(student, width=student.width * factor,
                               heads=student.heads * factor), 1
    return replace(
        preset, **{axis: int(getattr(preset, axis) * factor)}), student, 1


def value_at(axis: str, preset: Preset, student: Size, processes: int) -> int:
    """The number that an axis has at a point."""
    return dict(batch=preset.batch, size=preset.size, width=student.width,
                processes=processes)[axis]


def train_rank(turns: Turns, rank: int, processes: int, port: int, cfg: Config,
               preset: Preset) -> list[dict]:
    """Train in one of several processes."""
    os.environ.update(
        RANK=str(rank), LOCAL_RANK=str(rank), WORLD_SIZE=str(processes),
        MASTER_ADDR='127.0.0.1', MASTER_PORT=str(port))
    if processes > 1:
        cfg.launcher = 'pytorch'
    return train_ours(turns, cfg, preset, None)


def free_port() -> int:
    """Find a port that nobody listens at."""
    with socket.socket() as found:
        found.bind(('127.0.0.1', 0))
        return found.getsockname()[1]


def measure(preset: Preset, student: Size, processes: int, method: str,
            work_dir: Path) -> dict:
    """Train at one point.

    Returns:
        dict: ``images_per_second`` of all processes, ``rounds``, and
        ``peak_memory`` in bytes, of the process that has the highest.
    """
    cfg = our_config(preset, student, str(work_dir))
    randomize_teacher(cfg, str(work_dir))
    numbers = preset.warmup, preset.iters, preset.rounds
    cfg = our_configs(cfg, preset.rounds * (preset.warmup + preset.iters),
                      str(work_dir / 'cache'))[method]
    port = free_port()
    ranks = [Training(train_rank, numbers, (rank, processes, port, cfg, preset))
             for rank in range(processes)]
    images = processes * preset.batch * preset.iters
    rates, peak = [], 0
    try:
        for _ in range(preset.rounds):
            for training in ranks:
                training.begin()
            found = [training.result() for training in ranks]
            rates.append(images / max(one['seconds'] for one in found))
            peak = max(peak, *(one['peak_memory'] for one in found))
    finally:
        for training in ranks:
            training.stop()
    return dict(images_per_second=median(rates), rounds=rates,
                peak_memory=peak)


def table(rows: list[dict]) -> str:
    """Write the table, in Markdown.

    Args:
        rows (list[dict]): Of :func:`benchmark`.
    """
    one = rows[0]
    lines = [
        f'{one["device"]}, {one["date"]}, torch {one["torch"]}, '
        f'{METHODS[one["method"]]}.', '',
        '| grows | to | images per second | lowest - highest | time of a step, '
        'ms | peak memory of a process, GiB |', '| --- |' + ' ---: |' * 5
    ]
    for row in rows:
        step = 1000 * row['batch'] * row['processes'] / row[
            'images_per_second']
        lines.append(
            f'| {_LABELS[row["axis"]]} | {row["value"]} | '
            f'{row["images_per_second"]:.4g} | {min(row["rounds"]):.4g} - '
            f'{max(row["rounds"]):.4g} | {step:.4g} | '
            f'{row["peak_memory"] / 2**30:.2f} |')
    return '\n'.join(lines) + '\n'


def benchmark(args: argparse.Namespace) -> None:
    """Measure, then print and write the results."""
    if args.out:
        check_output(f'{args.out}.json', '--out')
    if not supported([args.method]):
        raise ValueError('this release cannot compile the student: give '
                         'another --method')
    base = replace(PRESETS[args.preset], rounds=args.rounds)
    rows = []
    for axis in args.axes:
        for factor in AXES[axis]:
            preset, student, processes = point(base, axis, factor)
            if 0 < torch.cuda.device_count() < processes:
                continue
            value = value_at(axis, preset, student, processes)
            print(f'{_LABELS[axis]}: {value}', file=sys.stderr)
            with tempfile.TemporaryDirectory() as folder:
                found = measure(
                    preset, student, processes, args.method, Path(folder))
            rows.append(dict(
                axis=axis, value=value, **found, method=args.method,
                batch=preset.batch, size=preset.size, width=student.width,
                processes=processes, **circumstances()))
    text = table(rows)
    Console(width=110).print(Markdown(text))
    if args.out:
        write(rows, text, args.out)


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        '--preset', choices=list(PRESETS), default='cpu',
        help='where the axes start: its first student (default: %(default)s)')
    parser.add_argument(
        '--axes', nargs='+', choices=list(AXES), default=list(AXES),
        help='default: all')
    parser.add_argument(
        '--method',
        choices=[name for name in METHODS
                 if name not in (*PEERS, 'ours-cached')],
        default='undistilled',
        help='what is trained (default: %(default)s)')
    parser.add_argument(
        '--rounds', type=int, default=3,
        help='turns at each point (default: %(default)s)')
    parser.add_argument(
        '--out', type=Path,
        help='name, without an ending, of the results: OUT.json, a '
        'measurement a line, and the table OUT.md')
    add_traceback_argument(parser)
    args = parser.parse_args()
    if args.rounds < 1:
        parser.error(f'--rounds is {args.rounds}: give a number from 1')
    return args


def main() -> None:
    args = parse_args()
    with end_in_one_line(args):
        benchmark(args)


if __name__ == '__main__':
    main()
