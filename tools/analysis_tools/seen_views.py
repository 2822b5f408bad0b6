"""What a student sees of views: pixels, labels and the teacher's answers."""
from pathlib import Path

import torch
from mmcv.transforms import LoadImageFromFile
from mmengine.runner import Runner
from torch import Tensor, nn
from torch.utils.data import Dataset
from views_picture import Seen

from mmdeit.datasets.views import View
from mmdeit.loops.passes import prepare_passes
from mmdeit.structures import TrainingTargets
from mmdeit.utils import unwrap_model


def look(runner: Runner, passes: list[list[View]], positions: range,
         swap: bool) -> list[Seen]:
    """See the views at positions, their channels swapped or as they are."""
    dataset = runner.train_loop.dataloader.dataset
    preprocessor = unwrap_model(runner.model).data_preprocessor
    seen = []
    workers = min(runner.train_loop.dataloader.num_workers, len(passes))
    prepared = prepare_passes(runner, passes, workers)
    for views, (inputs, targets) in zip(passes, prepared):
        images = to_bytes(inputs, preprocessor)
        for i, view in enumerate(views):
            if view.position in positions:
                image = images[i].flip(2) if swap else images[i]
                seen.append(
                    Seen(view.position, name_image(dataset, view.index),
                         image.squeeze(2).cpu().numpy(), shares(targets, i),
                         *read_answer(targets, i)))
    return sorted(seen, key=lambda view: view.position)


def to_bytes(inputs: Tensor, preprocessor: nn.Module) -> Tensor:
    """Undo the normalisation: ``(N, C, H, W)`` to bytes ``(N, H, W, C)``."""
    if preprocessor._enable_normalize:
        inputs = inputs * preprocessor.std + preprocessor.mean
    inputs = inputs.round().clamp(0, 255).to(torch.uint8)
    return inputs.permute(0, 2, 3, 1)


def packs_bgr(dataset: Dataset) -> bool:
    """Whether a pipeline loads files, whose channels mmcv reverses."""
    pipeline = getattr(dataset, 'pipeline', None)
    return any(isinstance(step, LoadImageFromFile)
               for step in getattr(pipeline, 'transforms', ()))


def name_image(dataset: Dataset, index: int) -> str:
    """The file name of an image, or its number where it has none."""
    get_info = getattr(dataset, 'get_data_info', None)
    path = get_info(index).get('img_path') if get_info else None
    return Path(path).name if path else f'image {index}'


def shares(targets: TrainingTargets, i: int) -> dict[int, float]:
    """The share that each class has in image i, where it has one."""
    if targets.mixed is None:
        label = int(targets.labels[i])
        return {label: 1.} if label >= 0 else {}
    mixed = targets.mixed[i]
    return {int(label): float(mixed[label]) for label in mixed.nonzero()}


def read_answer(targets: TrainingTargets,
                i: int) -> tuple[int | None, float | None]:
    """The teacher's class for image i and its probability, where known."""
    if targets.teacher_answer is None:
        return None, None
    answer = targets.teacher_answer[i].float()
    if answer.ndim == 0:  # a vote
        return int(answer), None
    probability, label = answer.softmax(0).max(0)
    return int(label), float(probability)
