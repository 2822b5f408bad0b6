"""A teacher that answers each view once: from the disk, or asked and written.

A folder has the answers to one stream of views: ``cache.json`` says which, and
what teacher's, and a file for each epoch holds them.
"""
import json
import logging
import math
import os
from pathlib import Path
from typing import Any

import numpy as np
import torch
from mmengine.dist import barrier, broadcast_object_list, is_main_process
from mmengine.logging import print_log
from mmengine.runner import BaseLoop, EpochBasedTrainLoop, Runner
from torch import Tensor

from mmdeit.files import PART
from mmdeit.loops.passes import view_seed
from mmdeit.teachers.preflight import AnyTeacher
from mmdeit.teachers.preprocessing import StudentSpec
from mmdeit.utils import unwrap_model

from .answers import AnswerFiles, create_once
from .codecs import codec
from .difference import describe, first_difference
from .fingerprint import fingerprint, missing_file, precisions

INDEX = 'cache.json'
PRECISION = 'precision.json'  # of the first teacher that was asked


class TeacherCache:
    """Answers the passes of a training.

    Args:
        files (AnswerFiles): Where the answers are.

    Attributes:
        teacher (Teacher | TeacherEnsemble | None): Asked for what is not
            there; None where all is.
    """

    def __init__(self, files: AnswerFiles) -> None:
        self.files = files
        self.teacher: AnyTeacher | None = None
        self.writes = os.access(files.folder, os.W_OK)
        self._asked: list[tuple] = []  # epoch, positions, what is kept

    def __call__(self, inputs: Tensor, views: Tensor) -> Tensor:
        """Answer images ``(N, C, H, W)`` by their keys ``(N, 3)``.

        Raises:
            ValueError: If an answer is missing, and there is no teacher.
        """
        keys = np.asarray(views if isinstance(views, Tensor) else
                          torch.stack(views))
        epoch, positions = int(keys[0, 1]), keys[:, 2]
        rows = self.files.read(epoch, positions)
        if rows is not None:
            kept = (torch.from_numpy(part).to(inputs.device, non_blocking=True)
                    for part in self.files.codec.kept(rows))
            return self.files.codec.answer(*kept)
        if self.teacher is None:
            raise ValueError(f'{self.files.path(epoch)} has lost answers since '
                             'the start of the training: --resume asks a '
                             'teacher for them')
        answer = self.teacher(inputs)
        if self.writes:
            self._asked.append(
                (epoch, positions, self.files.codec.reduce(answer)))
        return self.files.codec.live(answer)

    def ask(self, teacher: AnyTeacher, runner: Runner) -> None:
        """Ask a teacher from now on for what is not there.

        Raises:
            ValueError: If the answers are of another precision.
        """
        self.teacher = teacher
        folder = self.files.folder
        if not self.writes:
            print_log(f'{folder} may not be written to: what it lacks is asked '
                      'in each training', 'current', logging.WARNING)
        precision, path = precisions(teacher, runner), folder / PRECISION
        if self.writes and is_main_process():
            text = json.dumps(precision)
            try:
                create_once(path, lambda part: part.write_text(text))
            except OSError as error:
                self._give_up_writing(error)
        barrier()
        if path.exists() and (difference := first_difference(
                json.loads(path.read_text()), precision, 'precision')):
            refuse(folder, *difference)

    def flush(self) -> None:
        """Write what was asked since the last time; waits for the device."""
        try:
            self.write()
        except OSError as error:
            self._give_up_writing(error)

    def _give_up_writing(self, error: OSError) -> None:
        self.writes = False
        self._asked.clear()
        print_log(
            f'The answers of the teacher are not written to '
            f'{self.files.folder} any more ({error}): training goes on',
            'current', logging.WARNING)

    def write(self) -> None:
        """Write what was asked; what a signal interrupts stays to be written.

        Raises:
            OSError: If the disk is full, or may not be written to.
        """
        while self._asked:
            epoch, positions, kept = self._asked[0]
            self.files.write(
                epoch, positions,
                self.files.codec.rows(*(part.cpu().numpy() for part in kept)))
            del self._asked[0]

    def complete(self, loop: BaseLoop) -> bool:
        """Whether all is there that a loop still has to train on.

        The same in all processes, as another training may write meanwhile.
        """
        wanted = wanted_views(loop)
        self.files.check(wanted)
        found = [is_main_process() and all(
            self.files.count(epoch, views) == views
            for epoch, views in wanted.items())]
        broadcast_object_list(found)
        return found[0]

    def __str__(self) -> str:
        return str(self.files.folder)


def wanted_views(loop: BaseLoop) -> dict[int, int]:
    """How many of the first views of each epoch a loop still has to have."""
    views, length = loop.plan.views, loop.stream_length
    iterations = math.ceil(length / views)  # of an epoch
    first, end = loop.epoch * iterations, loop.max_epochs * iterations
    if not isinstance(loop, EpochBasedTrainLoop):
        first, end = loop.iter, loop.max_iters
    wanted: dict[int, int] = {}
    for epoch in range(first // iterations, math.ceil(end / iterations)):
        name = epoch % loop.recycle if loop.recycle else epoch
        number = min(length, (end - epoch * iterations) * views)
        wanted[name] = max(wanted.get(name, 0), number)
    return wanted


def open_cache(runner: Runner, folder: str, kind: str,
               teacher: dict) -> TeacherCache:
    """Open the cache in a folder for a training, or begin one.

    All processes have to call it. The training takes the seed of the views
    from the cache, unless its config or what it resumes says one.

    Args:
        runner (Runner): Trains by one of this project's loops.
        folder (str): Created if it does not exist.
        kind (str): What a new cache holds: ``'labels'``, ``'logits'`` or
            ``'top-5'``, say.
        teacher (dict): Config of the teacher.

    Raises:
        ValueError: If what is there is of another stream or teacher, or has
            only labels, and logits are wanted.
    """
    path, loop = Path(folder).expanduser(), runner.train_loop
    num_classes = StudentSpec.of(unwrap_model(runner.model)).num_classes
    now = dict(
        views=loop.stream_length,
        num_classes=num_classes,
        fingerprint=fingerprint(runner, view_seed(loop), teacher))
    missing = missing_file(teacher)
    # The others look later: what is not there yet, NFS would remember.
    if not missing and is_main_process() and read_index(path) is None:
        if kind.startswith('top-') and int(kind[4:]) >= num_classes:
            kind = 'logits'
        text = json.dumps(dict(now, kind=kind), indent=1)
        path.mkdir(parents=True, exist_ok=True)
        create_once(path / INDEX, lambda part: part.write_text(text))
    barrier()
    saved = read_index(path)  # by whichever training was first
    if saved is None and missing:
        raise ValueError(f'the teacher has no file {missing}, and {path} no '
                         'answers of it yet: correct the path')
    if saved is None:
        raise ValueError(f'{path / INDEX} was written, and is not there: give '
                         'a folder that all machines have')
    if loop.seed is None:
        loop.seed = now['fingerprint']['seed'] = saved['fingerprint']['seed']
    if loop.dataloader.sampler.endless:  # a shorter training has fewer
        now['views'] = max(now['views'], saved['views'])
    check_same(path, saved, now, kind)
    files = AnswerFiles(path, codec(saved['kind'], saved['num_classes']),
                        saved['views'])
    return TeacherCache(files)


def read_index(folder: Path) -> dict | None:
    """What a cache says of itself; None if there is none.

    Raises:
        ValueError: If it is damaged, or the folder has something else.
    """
    path = folder / INDEX
    if not path.exists():
        strange = next(
            (file for file in folder.glob('*') if file.suffix != PART),
            None) if folder.is_dir() else None
        if strange or folder.is_file():
            raise ValueError(f'{strange or folder} is no cache of answers: '
                             'give an empty folder, or a new one')
        return None
    try:
        index = json.loads(path.read_text())
        for name in ('kind', 'num_classes', 'views', 'fingerprint'):
            index[name]
    except (ValueError, KeyError, TypeError) as error:
        raise ValueError(f'{path} is damaged ({error!r}): remove the folder, '
                         'to have the teacher asked again') from error
    return index


def check_same(folder: Path, saved: dict, now: dict, kind: str) -> None:
    """Check that a cache is of this training's views and teacher.

    Raises:
        ValueError: With the setting that differs, and both values.
    """
    if saved['kind'] == 'labels' and kind != 'labels':
        raise ValueError(f'the cache {folder} has labels only, for hard '
                         "distillation: set mode='hard', or another cache")
    parts = ('fingerprint', 'num_classes', 'views')
    difference = first_difference(*(
        {name: index[name] for name in parts} for index in (saved, now)))
    if difference:
        refuse(folder, *difference)


def refuse(folder: Path, name: str, saved: Any, now: Any) -> None:
    """Refuse a cache for a difference.

    Raises:
        ValueError: With the setting that differs, and both values.
    """
    begun = any(folder.glob('epoch_*.npy'))
    raise ValueError(
        f'the cache {folder} is of other answers: '
        f'{describe(name.removeprefix("fingerprint."), saved, now)}, or '
        + ('give another cache' if begun else
           'remove the folder, which has no answers yet'))
