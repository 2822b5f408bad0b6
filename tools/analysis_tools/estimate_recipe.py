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
import copy
import io
import json
import logging
import sys
from collections import Counter
from functools import cache
from pathlib import Path

import torch
from mmengine.analysis import FlopAnalyzer
from mmengine.analysis.jit_handles import get_shape
from mmengine.config import Config
from mmengine.registry import MODELS, init_default_scope
from peers.report import write
from rich.console import Console
from rich.markdown import Markdown
from torch import nn
from torch.utils._python_dispatch import TorchDispatchMode

from mmdeit.cli import (
    add_traceback_argument,
    apply_num_classes,
    check_output,
    end_in_one_line,
    find_teacher_hook,
    read_config,
)
from mmdeit.teachers.teacher import find_model

RECIPES = Path(__file__).parents[2] / 'configs/deit'
IMAGES = {'data/imagenet': 1281167, 'data/cifar10': 50000}
GPUS = (8, 64)


class Calls(TorchDispatchMode):
    """Counts the calls of ATen, each a launch on a GPU, that are no view."""

    def __init__(self) -> None:
        super().__init__()
        self.count = 0

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        self.count += not func.is_view
        return func(*args, **(kwargs or {}))


def _attention(inputs: list, outputs: list) -> Counter:
    """Multiplications of ``softmax(Q K^T) V``."""
    batch, heads, tokens, width = get_shape(inputs[0])
    return Counter(
        attention=2 * batch * heads * tokens * get_shape(inputs[1])[2] * width)


@cache
def forward_cost(text: str, size: int) -> dict[str, int]:
    """Count ``multiplications`` and ``calls`` of an image, and ``parameters``.

    Args:
        text (str): A model's config, as JSON.
        size (int): Height and width of the image in pixels.
    """
    network = MODELS.build(json.loads(text)).eval()
    image = torch.zeros(1, 3, size, size)
    analyzer = FlopAnalyzer(network, image)
    analyzer.set_op_handle('aten::scaled_dot_product_attention', _attention)
    analyzer.unsupported_ops_warnings(False)
    analyzer.uncalled_modules_warnings(False)
    with torch.no_grad():
        multiplications = analyzer.total()
        with Calls() as calls:
            network(image)
    return dict(multiplications=int(multiplications), calls=calls.count,
                parameters=sum(p.numel() for p in network.parameters()))


@cache
def training_cost(text: str, size: int) -> dict[str, int]:
    """Count the calls of a step, and the bytes an image keeps for backward.

    Arguments are those of :func:`forward_cost`.
    """
    network = MODELS.build(json.loads(text)).train()
    kept, calls = zip(*(_keep(network, number, size) for number in (1, 2)))
    return dict(image=kept[1] - kept[0], calls=calls[1])


def _keep(network: nn.Module, number: int, size: int) -> tuple[int, int]:
    storages = {}

    def pack(tensor: torch.Tensor) -> torch.Tensor:
        storage = tensor.untyped_storage()
        storages[storage.data_ptr()] = storage.nbytes()
        return tensor

    with Calls() as calls:
        with torch.autocast('cpu', torch.bfloat16), (
                torch.autograd.graph.saved_tensors_hooks(pack, lambda x: x)):
            output = network(torch.zeros(number, 3, size, size))
        output.float().sum().backward()
    return sum(storages.values()), calls.count


def _plain(model: dict) -> str:
    """A model's config without what costs nothing here, as JSON."""
    model = copy.deepcopy(dict(model))
    for key in ('data_preprocessor', 'train_cfg', 'init_cfg'):
        model.pop(key, None)
    return json.dumps(model, sort_keys=True)


def _image_size(model: dict) -> int:
    return model['backbone'].get('img_size', 224)


def recipe_cost(cfg: Config, images: int | None) -> dict:
    """Count what a recipe costs.

    Args:
        cfg (Config): A whole config.
        images (int, optional): Of an epoch, where the config's data are not
            :data:`IMAGES`.

    Returns:
        dict: ``student`` and ``teacher``, multiplications of an image's pass;
        ``parameters`` of the student; bytes of ``memory``; ``calls`` of a
        pass; ``views`` of the training, if known; ``batch`` of a step, and
        ``part`` of a GPU at a time.
    """
    if cfg.get('num_classes', 0) is None:
        cfg.num_classes = 1000
    apply_num_classes(cfg)
    text, size = _plain(cfg.model), _image_size(cfg.model)
    student, training = forward_cost(text, size), training_cost(text, size)
    teacher = dict(multiplications=0, calls=0, parameters=0)
    if hook := find_teacher_hook(cfg):
        model = hook.teacher.model
        if isinstance(model, str):
            model, _ = find_model(str(RECIPES.parents[1] / model))
        teacher = forward_cost(
            _plain(model), hook.teacher.get('input_size') or size)
    part = cfg.train_dataloader.batch_size
    dataset = cfg.train_dataloader.dataset
    number = IMAGES.get(dataset.get('data_root'), images)
    return dict(
        student=student['multiplications'],
        teacher=teacher['multiplications'],
        parameters=student['parameters'],
        memory=(20 * student['parameters'] + 4 * teacher['parameters']
                + part * training['image']),
        calls=training['calls'] + teacher['calls'],
        views=number and number * cfg.train_cfg.max_epochs,
        batch=cfg.auto_scale_lr.base_batch_size,
        part=part)


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
            ('images-per-core', 292., 'a second, of benchmark_loader.py')):
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
