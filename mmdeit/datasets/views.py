"""The stream of views: each augmented look at an image has its own place.

A view's ``position`` is its place in the order of an epoch, counted over all
processes. All that is random about it is a function of ``(seed, epoch,
position)``: not of workers, of processes, or of what was drawn before.
"""
from collections.abc import Iterator, Sequence
from itertools import islice
from typing import Any, NamedTuple

import torch
from mmengine.dataset import InfiniteSampler
from mmengine.dist import get_dist_info
from mmengine.registry import DATA_SAMPLERS, DATASETS
from torch.utils.data import Dataset, Sampler

from mmdeit.randomness import seed_all

from .load_image import decode_once


class View(NamedTuple):
    """What a sampler asks a dataset for.

    Args:
        index (int): Of the image in the dataset.
        seed (int): Of the training.
        epoch (int): From 0.
        position (int): In the epoch, from 0.
    """
    index: int
    seed: int
    epoch: int
    position: int


class ViewDataset(Dataset):
    """A dataset that augments each view by random numbers of its own.

    It seeds Python, numpy and torch before the dataset's pipeline runs, and
    adds ``views``, the key ``(seed, epoch, position)`` as a tensor ``(3, )``,
    to what comes out. A plain index is passed on; so are all attributes, read
    or set.

    Args:
        dataset (dict | Dataset): Any dataset whose samples are dicts, others
            around it or not.

    Raises:
        ValueError: In ``__getitem__``, if a sample is no dict.
    """

    def __init__(self, dataset: dict | Dataset) -> None:
        self.dataset = (
            DATASETS.build(dataset) if isinstance(dataset, dict) else dataset)

    def __len__(self) -> int:
        return len(self.dataset)

    def __getitem__(self, view: View | int) -> dict:
        if not isinstance(view, View):
            return self._sample(view)
        index, *key = view
        seed_all(*key)
        return dict(self._sample(index), views=torch.tensor(key))

    def _sample(self, index: int) -> dict:
        sample = self.dataset[index]
        if not isinstance(sample, dict):
            raise ValueError(
                f'a sample of {type(self.dataset).__name__} is a '
                f'{type(sample).__name__}, and views are added to dicts: end '
                'its pipeline by mmdeit.PackInputs')
        return sample

    def __getitems__(self, views: Sequence[View | int]) -> list[dict]:
        """The views of a batch; an image that has several is decoded once."""
        images = [view.index if isinstance(view, View) else view
                  for view in views]
        if len(set(images)) == len(views):
            return [self[view] for view in views]
        order = sorted(range(len(views)), key=images.__getitem__)
        with decode_once():
            samples = {i: self[views[i]] for i in order}
        return [samples[i] for i in range(len(views))]

    def __getattr__(self, name: str) -> Any:
        if name.startswith('__') or name == 'dataset':  # while unpickling
            raise AttributeError(name)
        return getattr(self.dataset, name)

    def __setattr__(self, name: str, value: Any) -> None:
        if name == 'dataset':
            super().__setattr__(name, value)
        else:  # such as hooks that switch the pipeline
            setattr(self.dataset, name, value)


class ViewSampler(Sampler):
    """Counts the views of a sampler whose processes take turns.

    OpenMMLab's do: process r of W gets positions r, r + W, r + 2W, ...
    of one order. Within a batch the views are dealt out to the passes of an
    iteration, as they are to processes, so that each pass has a contiguous
    part.

    Args:
        dataset (Sized): The dataset.
        sampler (dict): The sampler itself.
        batch_size (int): Views of an iteration in this process.
        passes (int): Forward and backward passes of an iteration.
        drop_last (bool): Whether an epoch has whole batches only. They are
            then as many on any number of processes.
        seed (int, optional): Ignored: :meth:`start` says it.

    Attributes:
        endless (bool): Whether the sampler never ends.
    """

    def __init__(self,
                 dataset: Dataset,
                 sampler: dict,
                 batch_size: int,
                 passes: int,
                 drop_last: bool,
                 seed: int | None = None) -> None:
        self.sampler = DATA_SAMPLERS.build(
            sampler, default_args=dict(dataset=dataset, seed=seed))
        self.seeded = sampler.get('seed') is not None
        self.batch_size, self.passes = batch_size, passes
        self.endless = isinstance(self.sampler, InfiniteSampler)
        self.rank, self.world_size = get_dist_info()
        self.seed: int | None = None
        self.epoch = self.first = 0
        views = len(self.sampler)
        if drop_last:
            views *= self.world_size
            if abs(views - len(dataset)) < self.world_size:
                # Rounded for the processes, which must not make up, or
                # take from one of them, an iteration.
                views = len(dataset)
            views = views // (batch_size * self.world_size) * batch_size
        self.views = views

    def start(self, seed: int, epoch: int, iteration: int) -> None:
        """Say where in the stream the next iterator begins.

        Args:
            seed (int): Of the views, and of a sampler whose config has none.
            epoch (int): From 0.
            iteration (int): Of the epoch, from 0.
        """
        self.seed, self.first = seed, iteration * self.batch_size
        if not self.seeded:
            self.sampler.seed = seed
        self.set_epoch(epoch)

    def set_epoch(self, epoch: int) -> None:
        """Set the epoch, from 0."""
        self.epoch = epoch
        self.sampler.set_epoch(epoch)

    def __len__(self) -> int:
        return self.views

    def __iter__(self) -> Iterator[View]:
        if self.seed is None:  # mmengine builds an iterator before it resumes
            return
        first, self.first = self.first, 0  # of this iterator alone
        views = (
            View(index, self.seed, self.epoch, i * self.world_size + self.rank)
            for i, index in enumerate(self.sampler) if i >= first)
        while batch := list(islice(views, self.batch_size)):
            for part in range(self.passes):
                yield from batch[part::self.passes]
