"""The training of peers: timm's task, and a loop as the official one's.

Written from what they do, for ready batches. timm's is that of its training
script: batches are copied and normalised on a stream of their own, bf16 has no
loss scaling, and the loss is read for the log. The official one (engine.py of
facebookresearch/deit) gets images that its loader has normalised, asks the
teacher in the loss, scales it, reads it and waits for the GPU in every
iteration. Its networks are those of timm today, whose attention is faster than
that of the timm it was written for.
"""
import contextlib
import math
from collections.abc import Iterator
from itertools import cycle, islice

import torch
from stopwatch_hook import Stopwatch
from timm.data import IMAGENET_DEFAULT_MEAN, IMAGENET_DEFAULT_STD, Mixup
from timm.data.loader import PrefetchLoader
from timm.loss import SoftTargetCrossEntropy
from timm.models import create_model
from timm.optim import create_optimizer_v2
from timm.task import TokenDistillationTask
from timm.utils import ModelEma
from torch import Tensor, nn
from torch.nn import functional as F

from .presets import Preset, Size
from .ready_batches import pin, ready_batches
from .turns import Turns

LOGGED = 100  # as in the recipes
DECAY = 0.99996
ADAMW = dict(opt='adamw', lr=1e-3, weight_decay=0.05)


def create_networks(preset: Preset,
                    student: Size) -> tuple[nn.Module, nn.Module]:
    """Create student and teacher, of as many operations as ours."""
    network = create_model(
        'deit_tiny_distilled_patch16_224',
        img_size=preset.size,
        patch_size=preset.patch,
        embed_dim=student.width,
        depth=student.depth,
        num_heads=student.heads,
        num_classes=preset.classes,
        drop_path_rate=0.1)
    teacher = create_model(preset.teacher, num_classes=preset.classes)
    network.set_distilled_training(True)
    teacher.requires_grad_(False)
    return network, teacher.eval()


def _device() -> torch.device:
    return torch.device('cuda' if torch.cuda.is_available() else 'cpu')


def _autocast() -> contextlib.AbstractContextManager:
    """The precision of the recipes: bf16 on a GPU, fp32 elsewhere."""
    if _device().type == 'cuda':
        return torch.autocast('cuda', torch.bfloat16)
    return contextlib.nullcontext()


def _mixup(preset: Preset) -> Mixup:
    return Mixup(0.8, 1.0, label_smoothing=0.1, num_classes=preset.classes)


class _Batches:
    """Batches of a training, as a loader has them."""

    def __init__(self, batches: list, number: int) -> None:
        self.batches, self.number = batches, number

    def __iter__(self) -> Iterator[tuple[Tensor, Tensor]]:
        return islice(cycle(self.batches), self.number)


def _batches(preset: Preset, folder: str | None,
             number: int) -> _Batches:
    batches = ready_batches(
        preset.batch, preset.size, preset.classes, folder)
    return _Batches(batches, number)


def train_timm(turns: Turns, preset: Preset, student: Size,
               folder: str | None, compile: bool) -> list[dict]:
    """Train by timm's ``TokenDistillationTask``.

    Args:
        turns (Turns): Its turns.
        preset (Preset): The sizes.
        student (Size): That of the student.
        folder (str, optional): Of images; None for random ones.
        compile (bool): Whether timm compiles student and teacher.

    Returns:
        list[dict]: The stages of the last turn's steps.
    """
    torch.backends.cudnn.benchmark = True
    network, teacher = (
        one.to(_device()) for one in create_networks(preset, student))
    task = TokenDistillationTask(
        network,
        teacher,
        SoftTargetCrossEntropy(),
        distill_type='hard',
        task_loss_weight=0.5,
        device=_device(),
        verbose=False)
    optimizer = create_optimizer_v2(network, **ADAMW)
    task.setup_ema(decay=DECAY)
    if compile:
        task.compile()
    task.train()
    mixup = _mixup(preset)
    batches = PrefetchLoader(
        _batches(preset, folder, turns.iterations), device=_device())
    stopwatch = Stopwatch(turns.iterations - turns.iters)
    task.teacher.register_forward_pre_hook(
        lambda *_: stopwatch.mark('student forward'))
    task.teacher.register_forward_hook(lambda *_: stopwatch.mark('teacher'))
    for number, (inputs, labels) in enumerate(batches, 1):
        stopwatch.mark('data loading')
        inputs, targets = mixup(inputs, labels)
        stopwatch.mark('preprocessing')
        with _autocast():
            loss = task(inputs, targets)['loss']
        stopwatch.mark('student forward')
        loss.backward()
        stopwatch.mark('backward')
        optimizer.step()
        optimizer.zero_grad()
        stopwatch.mark('optimiser')
        task.update_ema(step=number)
        if number % LOGGED == 0:
            loss.item()
        stopwatch.mark('other hooks')
        stopwatch.end_step()
        turns.end_iteration()
    return stopwatch.steps


class DistillingCriterion(nn.Module):
    """Hard distillation, whose teacher is asked where the loss is computed.

    Args:
        teacher (nn.Module): Gives logits ``(N, K)``.
        stopwatch (Stopwatch): Times the teacher.
    """

    def __init__(self, teacher: nn.Module, stopwatch: Stopwatch) -> None:
        super().__init__()
        self.labels = SoftTargetCrossEntropy()
        self.teacher = teacher
        self.stopwatch = stopwatch

    def forward(self, inputs: Tensor, outputs: tuple[Tensor, Tensor],
                targets: Tensor) -> Tensor:
        """Compare logits ``(N, K)`` of both heads with targets and teacher."""
        by_labels = self.labels(outputs[0], targets)
        self.stopwatch.mark('student forward')
        with torch.no_grad():
            answer = self.teacher(inputs).argmax(dim=1)
        self.stopwatch.mark('teacher')
        return (by_labels + F.cross_entropy(outputs[1], answer)) / 2


def _normalized(batches: _Batches) -> _Batches:
    """What a loader gives that normalises in its workers: floats."""
    mean, std = (
        255 * torch.tensor(values).view(-1, 1, 1)
        for values in (IMAGENET_DEFAULT_MEAN, IMAGENET_DEFAULT_STD))
    return _Batches([(pin((images - mean) / std), labels)
                     for images, labels in batches.batches], batches.number)


def train_official(turns: Turns, preset: Preset, student: Size,
                   folder: str | None) -> list[dict]:
    """Train as the official code does; arguments are :func:`train_timm`'s."""
    torch.backends.cudnn.benchmark = True
    device = _device()
    network, teacher = (
        one.to(_device()) for one in create_networks(preset, student))
    average = ModelEma(network, decay=DECAY)
    optimizer = create_optimizer_v2(network, **ADAMW)
    scaler = torch.cuda.amp.GradScaler(enabled=device.type == 'cuda')
    stopwatch = Stopwatch(turns.iterations - turns.iters)
    criterion = DistillingCriterion(teacher, stopwatch)
    mixup = _mixup(preset)
    network.train()
    batches = _normalized(_batches(preset, folder, turns.iterations))
    for inputs, labels in batches:
        # a copy on a CPU, too: what is mixed is the batch itself
        inputs = inputs.to(device, non_blocking=True, copy=True)
        labels = labels.to(device, non_blocking=True)
        stopwatch.mark('data loading')
        inputs, targets = mixup(inputs, labels)
        stopwatch.mark('preprocessing')
        with _autocast():
            loss = criterion(inputs, network(inputs), targets)
        if not math.isfinite(loss.item()):
            raise ValueError('the loss is not finite')
        stopwatch.mark('student forward')
        optimizer.zero_grad()
        scaler.scale(loss).backward()
        stopwatch.mark('backward')
        scaler.step(optimizer)
        scaler.update()
        if device.type == 'cuda':
            torch.cuda.synchronize()
        stopwatch.mark('optimiser')
        average.update(network)
        stopwatch.mark('other hooks')
        stopwatch.end_step()
        turns.end_iteration()
    return stopwatch.steps
