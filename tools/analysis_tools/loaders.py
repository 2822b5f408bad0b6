"""The ways to load a config's training images, and what each takes."""
from collections import Counter
from collections.abc import Callable
from time import perf_counter, process_time
from typing import Any

import numpy as np
from mmengine.runner import Runner
from torch.utils.data import DataLoader, Dataset

from mmdeit.cli.data import unwrap_built
from mmdeit.datasets import View, ViewDataset


class Loaders:
    """The ways to load the same views, by name.

    Each loads ``images`` images, ``repeats`` times as the config's sampler has
    it. Only in the last one are the views of an image in a row, as on one
    process: otherwise they are in different batches.

    Args:
        dataloader (dict): The config's ``train_dataloader``.
        images (int): Images of a round; all if there are fewer.
        workers (int): Processes that load, or 0 for this one.
        seed (int): Of the choice of images and of the views.
    """

    def __init__(self, dataloader: dict, images: int, workers: int,
                 seed: int) -> None:
        sampler = dataloader.get('sampler') or {}
        self.repeats = sampler.get('num_repeats', 1)
        self.built = Runner.build_dataloader(dict(
            num_workers=workers,
            sampler=dict(type='mmengine.DefaultSampler'),
            **{key: dataloader[key]
               for key in ('dataset', 'collate_fn', 'worker_init_fn')
               if key in dataloader}), seed)
        dataset = self.built.dataset
        rng = np.random.default_rng(seed)
        self.images = rng.permutation(len(dataset))[:images].tolist()
        self.batch_size = min(dataloader.get('batch_size', 1), len(self.images))
        self.seed, self.workers = seed, workers
        self.clock = perf_counter if workers else process_time
        self.views = ViewDataset(dataset)
        self.loaders = {
            'by index, as in mmengine': self._loader(dataset),
            'by view': self._loader(self.views)}
        if self.repeats > 1:
            self.loaders[f'by view, {self.repeats} of an image in a row'] = (
                self._loader(self.views))

    def _loader(self, dataset: Dataset) -> DataLoader:
        return DataLoader(
            dataset,
            self.batch_size,
            sampler=[],
            num_workers=self.workers,
            collate_fn=self.built.collate_fn,
            worker_init_fn=self.built.worker_init_fn,
            persistent_workers=self.workers > 0)

    def time_round(self, number: int) -> dict[str, float]:
        """Load the images by each loader, and return its seconds."""
        in_a_row, apart = self._orders(number)
        orders = [[view.index for view in apart], apart, in_a_row]
        turns = list(zip(self.loaders.items(), orders))
        seconds = {}
        for (name, loader), order in turns[::1 if number % 2 else -1]:
            loader.sampler[:] = order
            start = self.clock()
            for _ in loader:
                pass
            seconds[name] = self.clock() - start
        return seconds

    def _orders(self, epoch: int) -> tuple[list[View], list[View]]:
        in_a_row = [
            View(image, self.seed, epoch, i) for i, image in enumerate(
                np.repeat(self.images, self.repeats).tolist())]
        return in_a_row, [view for i in range(self.repeats)
                          for view in in_a_row[i::self.repeats]]

    def time_parts(self) -> dict[str, float]:
        """Milliseconds of a view, by what it goes through, in this process.

        The transforms are timed from now on: nothing can be measured after it.
        """
        seconds = Counter()

        def timed(name: str, call: Callable[[Any], Any]) -> Callable:
            def run(argument: Any) -> Any:
                start = process_time()
                result = call(argument)
                seconds[name] += process_time() - start
                return result

            return run

        transforms = [part.pipeline.transforms for part in unwrap_built(
            self.views.dataset) if hasattr(part, 'pipeline')]
        for steps in transforms:
            steps[:] = [timed(type(step).__name__, step) for step in steps]
        self.views.dataset = _Samples(
            timed('sample', self.views.dataset.__getitem__))
        view, collate = (
            timed('view', self.views.__getitem__),
            timed('stack to a batch', self.built.collate_fn))
        _, views = self._orders(0)
        for i in range(0, len(views), self.batch_size):
            collate([view(one) for one in views[i:i + self.batch_size]])
        total, sample, batch = map(
            seconds.pop, ('view', 'sample', 'stack to a batch'))
        parts = {
            'seed it, and add its key': total - sample,
            'find its entry': sample - sum(seconds.values()),
            **seconds,
            'stack to a batch': batch}
        return {name: 1000 * value / len(views)
                for name, value in parts.items()}


class _Samples:
    """A dataset's samples, by a function."""

    def __init__(self, call: Callable[[int], dict]) -> None:
        self.call = call

    def __getitem__(self, index: int) -> dict:
        return self.call(index)
