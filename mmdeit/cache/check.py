"""Whether a cache has the answers of the teacher that is at hand.

The fingerprint says what the answers should be of; a teacher that computes
otherwise, on another machine or in another precision, is seen by asking again.
"""
from collections.abc import Iterable

import numpy as np
import torch
from mmengine.dist import broadcast_object_list, is_main_process
from mmengine.runner import Runner
from rich.console import Console
from rich.progress import track
from torch import Tensor

from mmdeit.datasets.views import View
from mmdeit.loops.passes import TrainLoop, passes_of, prepare_passes
from mmdeit.randomness import keep_random_state
from mmdeit.utils import unwrap_model

from .answers import AnswerFiles
from .codecs import Codec, Labels, TopK
from .teacher_cache import TeacherCache

AT_START = 256  # views
# Share of views that may have another answer. bfloat16 changes the label of
# 0.2 to 0.5% (600 photographs, a ResNet-18), another view that of 27 to 50%.
OTHERS = 0.05
# How far the logarithms of a view's probabilities may be off: their mean over
# the classes that are kept, weighted by the probabilities. There bfloat16 is
# off by 0.003 in the median and 0.016 at most, another view by 0.3 to 0.7.
TOLERANCE = 0.1


def check_cache(cache: TeacherCache,
                runner: Runner,
                num_views: int = AT_START,
                epochs: Iterable[int] | None = None) -> str:
    """Ask the teacher of a cache again for some of the views it knows.

    The first process does, and all learn of its verdict. Random numbers stay
    what they are without it.

    Args:
        cache (TeacherCache): Has a teacher, which is fitted to the student.
        runner (Runner): Has built its train loop and its optim wrapper.
        num_views (int): About how many; whole passes are asked. Defaults to
            256.
        epochs (Iterable, optional): Of which to ask. Defaults to None, all.

    Returns:
        str: How many agree; empty where nothing is known yet.

    Raises:
        ValueError: In each process, if more than 5% do not.
    """
    verdict, error = ['', ''], None
    if is_main_process():
        try:
            with keep_random_state():
                verdict[0] = _check(cache, runner, num_views, epochs)
        except Exception as refusal:  # the others wait, whatever happened
            error, verdict[1] = refusal, str(refusal) or repr(refusal)
    broadcast_object_list(verdict)
    if verdict[1]:
        raise error or ValueError(verdict[1])
    return verdict[0]


def known_passes(known: np.ndarray, loop: TrainLoop) -> np.ndarray:
    """Which passes of this process are known.

    Args:
        known (np.ndarray): Which views of an epoch are, of shape ``(N, )``.
        loop (TrainLoop): Of the training.

    Returns:
        np.ndarray: Of shape (iterations, passes).
    """
    plan, sampler = loop.plan, loop.dataloader.sampler
    own = known[sampler.rank::sampler.world_size]
    own = np.pad(own, (0, -len(own) % plan.share), constant_values=True)
    return own.reshape(-1, plan.pass_size, plan.passes).all(axis=1)


def _check(cache: TeacherCache, runner: Runner, num_views: int,
           epochs: Iterable[int] | None) -> str:
    files, loop = cache.files, runner.train_loop
    passes = _choose(files, loop, num_views, epochs)
    model, agreed, asked = unwrap_model(runner.model), 0, 0
    console = Console(stderr=True)
    workers = min(loop.dataloader.num_workers, len(passes))
    batches = track(
        zip(passes, prepare_passes(runner, passes, workers)),
        'Asking the teacher again',
        total=len(passes),
        console=console,
        transient=True,
        disable=not console.is_terminal)
    for views, (inputs, _) in batches:
        rows = files.read(views[0].epoch,
                          np.array([view.position for view in views]))
        with torch.no_grad(), runner.optim_wrapper.optim_context(model):
            answer = cache.teacher(inputs)
        agreed += int(same(files.codec, rows, answer).sum())
        asked += len(views)
    if not asked:
        return ''
    if asked - agreed > OTHERS * asked:
        what = ('another label' if isinstance(files.codec, Labels) else
                f'log probabilities that are off by more than {TOLERANCE}')
        raise ValueError(
            f'the cache {cache} is not of this teacher: {asked - agreed} of '
            f'{asked} views ({1 - agreed / asked:.1%}) have {what}, and '
            f'rounding explains {OTHERS:.0%}: take the teacher that filled it, '
            'or give another cache')
    return f'{agreed} of {asked} views, asked again, agree with {cache}'


def _choose(files: AnswerFiles, loop: TrainLoop, num_views: int,
            epochs: Iterable[int] | None) -> list[list[View]]:
    """Choose passes that are known, spread evenly over epochs and in them."""
    number = -(-num_views // loop.plan.pass_size)
    epochs = [epoch for epoch in (files.epochs() if epochs is None else epochs)
              if files.path(epoch).exists()]
    if len(epochs) > number:
        epochs = [epochs[i * (len(epochs) - 1) // max(number - 1, 1)]
                  for i in range(number)]
    chosen: list[list[View]] = []
    for i, epoch in enumerate(epochs):
        places = np.argwhere(known_passes(files.known(epoch), loop))
        wanted = -(-(number - len(chosen)) // (len(epochs) - i))
        wanted = min(wanted, len(places))
        middles = (np.arange(wanted) + 0.5) * len(places) / max(wanted, 1)
        for iteration, place in places[middles.astype(int)].tolist():
            found = passes_of(loop, epoch, range(iteration, iteration + 1))
            chosen.append(list(found)[place])
    return chosen


def same(codec: Codec, rows: np.ndarray, answer: Tensor) -> Tensor:
    """Which rows ``(N, )`` a teacher's logits ``(N, K)`` agree with."""
    kept = [torch.from_numpy(part).to(answer.device)
            for part in codec.kept(rows)]
    logs = answer.float().log_softmax(dim=1)
    if isinstance(codec, Labels):
        return (answer.argmax(dim=1) == kept[0]) & answer.isfinite().all(dim=1)
    if isinstance(codec, TopK):
        before, classes = kept
        logs = logs.gather(1, classes)
    else:
        before = kept[0].log_softmax(dim=1)
    before = before.float()
    weights = before.softmax(dim=1)  # of what is kept
    off = (weights * (before - logs).abs()).sum(dim=1)
    return off <= TOLERANCE  # NaN is not
