"""Measure time and memory for one large image, with windows and without.

Each row runs in its own process: first forward only (eval, no gradients), then
forward and backward (train). Memory is the peak of a pass beyond the weights;
on a CPU, the growth of the process.
"""
import argparse
import statistics
import time
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context

import mmengine
import torch
from machine import device_name, memory, peak_memory
from rich.console import Console
from rich.table import Table

from mmdeit.cli import add_traceback_argument, check_output, end_in_one_line
from mmdeit.models import DistilledVisionTransformer


def measure(arch: str, size: int, window: int | None, with_cp: bool,
            iters: int) -> dict:
    """Run both passes several times on one image.

    Args:
        arch (str): The backbone's ``arch``.
        size (int): Height and width of the image in pixels.
        window (int, optional): Side of a window in patches; None for global
            attention.
        with_cp (bool): Whether to recompute blocks in the backward pass.
        iters (int): Passes to measure, after one to warm up.

    Returns:
        dict: ``forward_ms`` and ``step_ms``, the medians; ``forward_peak``
        and ``step_peak`` in bytes; and ``device``.
    """
    on_gpu = torch.cuda.is_available()
    device = 'cuda' if on_gpu else 'cpu'
    model = DistilledVisionTransformer(
        arch,
        img_size=size // 16 * 16,
        out_type='featmap',
        window_size=window,
        with_cp=with_cp).to(device)
    image = torch.randn(1, 3, size, size, device=device)
    before = memory()
    result = dict(device=device_name())
    for name in ('forward', 'step'):  # the larger peak last
        model.train(name == 'step')
        seconds = []
        for _ in range(iters + 1):
            model.zero_grad()
            start = time.perf_counter()
            with torch.set_grad_enabled(name == 'step'):
                features, = model(image)
                if name == 'step':
                    features.square().mean().backward()
            if on_gpu:
                torch.cuda.synchronize()
            seconds.append(time.perf_counter() - start)
        result[f'{name}_ms'] = 1000 * statistics.median(seconds[1:])
        result[f'{name}_peak'] = peak_memory() - before
    return result


def show(results: dict, title: str) -> None:
    """Print the results.

    Args:
        results (dict[str, dict]): From :func:`measure`, by name.
        title (str): Title of the table.
    """
    device = next(iter(results.values()))['device']
    table = Table(title=f'{title}, {device}, torch {torch.__version__}')
    table.add_column('attention')
    for name in ('forward', 'forward and backward'):
        table.add_column(f'{name}, ms', justify='right')
        table.add_column('peak, GiB', justify='right')
    for name, result in results.items():
        table.add_row(
            name,
            f'{result["forward_ms"]:.0f}',
            f'{result["forward_peak"] / 2**30:.2f}',
            f'{result["step_ms"]:.0f}',
            f'{result["step_peak"] / 2**30:.2f}')
    Console(width=100).print(table)


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.split('\n')[0])
    parser.add_argument(
        '--arch',
        nargs='+',
        default=['deit-tiny'],
        help='arch of mmdeit.DistilledVisionTransformer')
    parser.add_argument(
        '--size', type=int, default=1024, help='side of the image in pixels')
    parser.add_argument(
        '--window', type=int, default=14, help='side of a window in patches')
    parser.add_argument(
        '--iters', type=int, default=3, help='passes to measure')
    parser.add_argument('--out', help='JSON file to write the results to')
    add_traceback_argument(parser)
    args = parser.parse_args()
    if min(args.size, args.window, args.iters) < 1:
        parser.error('--size, --window and --iters: give numbers from 1')
    return args


def benchmark(args: argparse.Namespace) -> None:
    """Measure, then print and write the results."""
    if args.out:
        check_output(args.out, '--out')
    summaries = {}
    for arch in args.arch:
        summaries[arch] = results = {}
        for window in (None, args.window):
            for with_cp in (False, True):
                name = 'global' if window is None else f'windows of {window}'
                name += ', checkpointed' * with_cp
                with ProcessPoolExecutor(1, get_context('spawn')) as pool:
                    results[name] = pool.submit(
                        measure, arch, args.size, window, with_cp,
                        args.iters).result()
        show(results, f'{arch}, one image of {args.size}x{args.size}')
    if args.out:
        mmengine.dump(summaries, args.out, indent=2)


def main() -> None:
    args = parse_args()
    with end_in_one_line(args):
        benchmark(args)


if __name__ == '__main__':
    main()
