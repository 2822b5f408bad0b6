"""Batches that are decoded, augmented and stacked before the training.

The loader is measured by benchmark_loader.py. Here everybody gets the same
bytes, from (pinned) memory, so that only the training is compared.
"""
from collections.abc import Iterator
from itertools import cycle, islice
from pathlib import Path

import cv2
import torch
from mmengine.registry import DATASETS
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

BATCHES = 2  # that differ; they recur
_ENDINGS = ('.jpg', '.jpeg', '.png')


def ready_batches(batch: int, size: int, classes: int,
                  folder: str | None = None) -> list[tuple[Tensor, Tensor]]:
    """Make the batches that a training is given again and again.

    Args:
        batch (int): Number N of images.
        size (int): Height and width in pixels.
        classes (int): Number of classes, of which the labels are drawn.
        folder (str, optional): Of images, in folders or not; they are resized.
            Defaults to None, random bytes.

    Returns:
        list[tuple[Tensor, Tensor]]: Bytes ``(N, 3, size, size)`` and labels
        ``(N, )`` of each, on the host.
    """
    rng = torch.Generator().manual_seed(0)
    shape = (BATCHES * batch, 3, size, size)
    if folder is None:
        images = torch.randint(256, shape, generator=rng, dtype=torch.uint8)
    else:
        images = _read(folder, *shape[::3])
    labels = torch.randint(classes, shape[:1], generator=rng)
    return [(pin(image), pin(label)) for image, label in zip(
        images.split(batch), labels.split(batch))]


def _read(folder: str, number: int, size: int) -> Tensor:
    paths = sorted(path for path in Path(folder).rglob('*')
                   if path.suffix.lower() in _ENDINGS)
    if not paths:
        raise ValueError(f'{folder} has no image ({", ".join(_ENDINGS)}): '
                         'correct the path')
    read = [cv2.resize(cv2.imread(str(path)), (size, size))
            for path in paths[:number]]
    images = torch.stack(
        [torch.from_numpy(image).permute(2, 0, 1) for image in read])
    return torch.stack(list(islice(cycle(images), number)))


def pin(tensor: Tensor) -> Tensor:
    """Pin the memory of a tensor, where there is a GPU to copy it to."""
    return tensor.pin_memory() if torch.cuda.is_available() else tensor


@DATASETS.register_module()
class NamedViews(Dataset):
    """Has as many images as an epoch; what is trained on is ready elsewhere.

    Args:
        number (int): Of images.
        size (int): Height and width in pixels.
    """

    def __init__(self, number: int, size: int) -> None:
        self.number, self.size = number, size

    def __len__(self) -> int:
        return self.number

    def __getitem__(self, index: int) -> dict:
        # Asked for two of them, before the training, to see that all fit.
        return dict(
            inputs=torch.full((3, self.size, self.size), index % 256,
                              dtype=torch.uint8),
            labels=torch.tensor(0))


class ReadyLoader:
    """A dataloader of our loops, whose batches need not be loaded.

    Its views are named as ever, so that a cache tells their answers apart.

    Args:
        loader (DataLoader): Of a loop, with its sampler.
        batches (list[tuple[Tensor, Tensor]]): See :func:`ready_batches`.
    """

    def __init__(self, loader: DataLoader,
                 batches: list[tuple[Tensor, Tensor]]) -> None:
        self.loader, self.batches = loader, batches

    def __len__(self) -> int:
        return len(self.loader)

    def __iter__(self) -> Iterator[dict]:
        views = iter(self.loader.sampler)
        for inputs, labels in islice(cycle(self.batches), len(self)):
            keys = [(view.seed, view.epoch, view.position)
                    for view in islice(views, len(inputs))]
            yield dict(inputs=inputs, labels=labels, views=torch.tensor(keys))

    def __getattr__(self, name: str):
        return getattr(self.loader, name)
