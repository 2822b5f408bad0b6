"""Compare methods, each trained with several seeds.

Prints the final accuracy of each head, the mean and each seed's, and draws the
curves. A run is a work directory; its name without ``-seedN`` is the method.
"""
import argparse
import json
import re
from contextlib import suppress
from pathlib import Path
from statistics import mean

from matplotlib.backend_bases import FigureCanvasBase
from matplotlib.figure import Figure
from rich.console import Console
from rich.table import Table

from mmdeit.cli import add_traceback_argument, check_output, end_in_one_line

HEADS = {
    'accuracy/top1': 'top-1',
    'accuracy/class_top1': 'class head',
    'accuracy/distill_top1': 'distillation head',
}


def read_scalars(work_dir: Path, name: str) -> tuple:
    """Read a curve from the logs of a run.

    Args:
        work_dir (Path): Its work directory; a resumed run has several logs.
        name (str): Name of a logged scalar.

    Returns:
        tuple[list, list]: Steps and values.
    """
    curve = {}
    for log in sorted(work_dir.glob('*/vis_data/scalars.json')):
        for line in log.read_text().splitlines():
            # A killed run leaves half a line.
            with suppress(json.JSONDecodeError):
                scalars = json.loads(line)
                if name in scalars:
                    curve[scalars['step']] = scalars[name]
    return list(curve), list(curve.values())


def group(work_dirs: list[Path]) -> dict[str, list[Path]]:
    """Group runs by method.

    Args:
        work_dirs (list[Path]): Work directories such as ``deit-seed0``.

    Returns:
        dict[str, list[Path]]: The runs of each method.
    """
    methods: dict[str, list[Path]] = {}
    for path in work_dirs:
        methods.setdefault(re.sub(r'-seed\d+$', '', path.name), []).append(path)
    return methods


def final(runs: list[Path], name: str) -> list[float]:
    """Read the last value of a scalar from each run that has it.

    Args:
        runs (list[Path]): The work directories.
        name (str): Name of the scalar.

    Returns:
        list[float]: The values.
    """
    curves = [read_scalars(path, name)[1] for path in runs]
    return [values[-1] for values in curves if values]


def spread(values: list[float]) -> str:
    """Format values as their mean, with each value in brackets."""
    if not values:
        return ''
    each = ', '.join(f'{value:.2f}' for value in values)
    return f'{mean(values):.2f} ({each})'


def plot(methods: dict[str, list[Path]], path: Path) -> None:
    """Plot accuracy by epoch for each method, one line per seed.

    Args:
        methods (dict[str, list[Path]]): From :func:`group`.
        path (Path): The image file to write.
    """
    figure = Figure(figsize=(7, 4.5))  # needs no display
    axes = figure.subplots()
    for color, (method, runs) in enumerate(methods.items()):
        for i, run in enumerate(runs):
            axes.plot(
                *read_scalars(run, 'accuracy/top1'),
                color=f'C{color}',
                linestyle=('-', '--', ':')[i % 3],
                label=method if i == 0 else None)
    axes.set(title='One line per seed', xlabel='epoch', ylabel='top-1, %')
    axes.legend()
    axes.grid(alpha=.3)
    figure.tight_layout()
    figure.savefig(path, dpi=120)


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        'work_dirs', nargs='+', type=Path, help='such as work_dirs/deit-seed0')
    parser.add_argument(
        '--out',
        type=Path,
        default=Path('compare_runs.png'),
        help='image file to write (default: %(default)s)')
    add_traceback_argument(parser)
    args = parser.parse_args()
    formats = sorted(FigureCanvasBase.get_supported_filetypes())
    if args.out.suffix[1:].lower() not in formats:
        parser.error(f'--out {args.out}: give a name ending in '
                     f'.{", .".join(formats)}')
    return args


def compare(args: argparse.Namespace) -> None:
    """Print the table and write the figure."""
    check_output(args.out, '--out')
    for path in args.work_dirs:
        if not read_scalars(path, 'accuracy/top1')[1]:
            raise ValueError(f'{path} has no logged accuracy: give work '
                             'directories of tools/train.py')
    methods = group(args.work_dirs)
    table = Table(title='Last evaluation: mean (each seed)')
    table.add_column('method')
    for heading in HEADS.values():
        table.add_column(heading, justify='right')
    for method, runs in methods.items():
        table.add_row(method, *(spread(final(runs, name)) for name in HEADS))
    Console(width=120).print(table)
    args.out.parent.mkdir(parents=True, exist_ok=True)
    plot(methods, args.out)
    print(f'Written: {args.out}')


def main() -> None:
    args = parse_args()
    with end_in_one_line(args):
        compare(args)


if __name__ == '__main__':
    main()
