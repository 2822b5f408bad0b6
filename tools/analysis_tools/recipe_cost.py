"""Counts what a recipe costs: multiplications, calls, parameters and bytes."""
import copy
import json
from collections import Counter
from functools import cache
from pathlib import Path

import torch
from mmengine.analysis import FlopAnalyzer
from mmengine.analysis.jit_handles import get_shape
from mmengine.config import Config
from mmengine.registry import MODELS
from torch import nn
from torch.utils._python_dispatch import TorchDispatchMode

from mmdeit.cli import apply_num_classes, find_teacher_hook
from mmdeit.teachers.teacher import find_model

ROOT = Path(__file__).parents[2]
IMAGES = {'data/imagenet': 1281167, 'data/cifar10': 50000}


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
            model, _ = find_model(str(ROOT / model))
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
