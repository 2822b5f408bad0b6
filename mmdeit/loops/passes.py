"""The passes of a training, of any epoch, without what comes before them."""
import math
from collections.abc import Iterable, Iterator
from itertools import islice

import torch
from mmengine.runner import Runner
from torch import Tensor
from torch.utils.data import DataLoader

from mmdeit.datasets.views import View
from mmdeit.randomness import NETWORK, seed_all
from mmdeit.structures import TrainingTargets
from mmdeit.utils import unwrap_model

from .train_loops import EpochBasedTrainLoop, IterBasedTrainLoop
from .view_loop import common_seed

TrainLoop = EpochBasedTrainLoop | IterBasedTrainLoop


def check_loop(runner: Runner) -> None:
    """Check that a Runner trains on views.

    Raises:
        ValueError: If its loop is of another project.
    """
    if not isinstance(runner.train_loop, TrainLoop):
        kind = type(runner.train_loop).__name__
        raise ValueError(
            f"{runner.cfg.filename} trains by another project's {kind}, whose "
            'images are no function of epoch and position: set '
            "train_cfg.type='mmdeit.EpochBasedTrainLoop' or "
            "'mmdeit.IterBasedTrainLoop'")


def view_seed(loop: TrainLoop) -> int:
    """The seed of the views, before the training has begun."""
    return common_seed(loop.runner) if loop.seed is None else loop.seed


def num_epochs(loop: TrainLoop) -> int:
    """How many epochs a training has, the last of which may end early."""
    if loop.dataloader.sampler.endless:
        return 1
    return math.ceil(loop.max_iters / len(loop.dataloader))


def num_views(loop: TrainLoop, epoch: int) -> int:
    """How many views of an epoch a training has, in all processes."""
    if loop.dataloader.sampler.endless:
        return loop.stream_length
    iterations = loop.max_iters - epoch * len(loop.dataloader)
    return min(loop.stream_length, iterations * loop.plan.views)


def passes_of(loop: TrainLoop, epoch: int,
              iterations: range) -> Iterator[list[View]]:
    """The views of each pass of this process, in the order of the training.

    Args:
        loop (TrainLoop): Of the training.
        epoch (int): From 0; with ``recycle`` one of those that recur.
        iterations (range): Of the epoch, from 0, in steps of 1.
    """
    plan, sampler = loop.plan, loop.dataloader.sampler
    sampler.start(view_seed(loop), epoch, iterations.start)
    stop = iterations.stop * plan.share
    if not sampler.endless:
        stop = min(stop, len(sampler))
    views = islice(sampler, max(stop - iterations.start * plan.share, 0))
    while part := list(islice(views, plan.pass_size)):
        yield part


def find_passes(loop: TrainLoop, epoch: int,
                positions: range) -> list[list[View]]:
    """The views of each pass of the training that has one of the positions.

    In one process, which sees the same as several: what is mixed is in the
    same pass.
    """
    first, last = (place // loop.plan.views for place in (positions[0],
                                                          positions[-1]))
    return [part for part in passes_of(loop, epoch, range(first, last + 1))
            if any(view.position in positions for view in part)]


@torch.no_grad()
def prepare_passes(
        runner: Runner, passes: Iterable[list[View]],
        num_workers: int | None = None
) -> Iterator[tuple[Tensor, TrainingTargets]]:
    """What the model gets of each pass in the training.

    Args:
        runner (Runner): Has built its train loop and its optim wrapper.
        passes (Iterable): The views of each; not read far ahead.
        num_workers (int, optional): Of the dataloader. Defaults to None, those
            of the training.
    """
    loop, model = runner.train_loop, unwrap_model(runner.model)
    given = loop.dataloader
    loader = DataLoader(
        given.dataset,
        batch_sampler=passes,
        num_workers=given.num_workers if num_workers is None else num_workers,
        collate_fn=given.collate_fn,
        pin_memory=given.pin_memory and torch.cuda.is_available(),
        worker_init_fn=given.worker_init_fn)
    for batch in loader:
        key = batch['views'][0].tolist()
        if not loop._takes_views:
            del batch['views']
        seed_all(*key, NETWORK, devices=True)
        with runner.optim_wrapper.optim_context(model):
            batch = model.data_preprocessor(batch, True)
        yield batch['inputs'], TrainingTargets.of(batch['data_samples'])
