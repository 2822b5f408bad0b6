"""What ``--resume`` goes on from: the newest whole checkpoint."""
import os
import re
import zipfile
from collections.abc import Iterator
from pathlib import Path
from textwrap import shorten

from mmengine.config import Config
from mmengine.dist import all_gather_object
from mmengine.runner import BaseLoop, Runner

from mmdeit.checkpoints import (
    check_finite,
    force_weights_only,
    load_checkpoint,
)
from mmdeit.hooks.checkpoint_hook import POINTER

from .launcher import is_first_process


def set_resume(cfg: Config, resume: str | None) -> None:
    """Write into a config which checkpoint to resume, and say which.

    Args:
        cfg (Config): Changed in place.
        resume (str | None): A file, or ``'auto'`` for the newest whole one. If
            None, the config's ``resume`` and ``load_from`` say it.

    Raises:
        ValueError: If there are checkpoints, but none can be resumed, or the
            name is empty.
    """
    if resume is None and cfg.get('resume'):
        resume = cfg.get('load_from') or 'auto'
    if resume is None:
        return
    if not resume:
        raise ValueError('--resume names no file: give one, or leave the name '
                         'out')
    force_weights_only()
    remarks: list[str] = []
    if resume == 'auto':
        resume = find_newest(cfg, remarks)
    cfg.resume = resume is not None
    if not resume:
        start = cfg.get('load_from') or 'the beginning'
        remarks.insert(0, f'Nothing to resume in {cfg.work_dir}: training '
                       f'starts from {start}')
    elif '://' not in resume:
        resume = os.path.expanduser(resume)
        meta = read_meta(Path(resume), cfg)
        check_whole(Path(resume))
        remarks.insert(0, f'Resuming from {resume}, after {meta["epoch"]} '
                       f'epochs and {meta["iter"]} iterations')
        remarks += _nothing_left(cfg, meta)
    if resume:
        cfg.load_from = resume
    if is_first_process(cfg.launcher):
        print('. '.join(remarks) + '.')


def _nothing_left(cfg: Config, meta: dict) -> Iterator[str]:
    for unit in ('epoch', 'iter'):
        end = (cfg.get('train_cfg') or {}).get(f'max_{unit}s')
        if end and meta[unit] >= end:
            yield (f'Nothing is left to train, as train_cfg.max_{unit}s is '
                   f'{end}: raise it, or test the checkpoint by tools/test.py')


def find_newest(cfg: Config, remarks: list[str]) -> str | None:
    """The newest whole checkpoint in the folders of a training.

    What the last training has written comes first, and of that the largest
    iteration. Times of files say less: a copy has others.

    Args:
        cfg (Config): Its ``work_dir``, and the ``out_dir`` and
            ``filename_tmpl`` of its checkpoint hook, say where to look.
        remarks (list[str]): Filled with what was passed over, and why.

    Raises:
        ValueError: If there are checkpoints, but none can be resumed.
    """
    pointed = _read_pointer(cfg.work_dir)
    if '://' in pointed:
        return pointed
    found, faults = [], []
    for path in list(_checkpoints(cfg)) or _if_file(pointed):
        try:
            meta = read_meta(path, cfg)
            found.append((meta['experiment_name'][-15:], meta['iter'], path))
        except ValueError as error:
            faults.append(str(error))
    chosen = None
    for *_, path in sorted(found, reverse=True):
        try:
            check_whole(path)
            chosen = path
            break
        except ValueError as error:
            faults.append(str(error))
    if len(faults) > 3:
        faults[3:] = [f'{len(faults) - 3} more cannot be resumed either']
    if faults and not chosen:
        raise ValueError(
            f'no checkpoint in {cfg.work_dir} can be resumed: '
            f'{"; ".join(faults)}. Remove them, or give another --work-dir, to '
            'start anew')
    remarks += faults
    if chosen and not pointed:
        remarks.append(f'{POINTER} is missing or empty')
    elif pointed and (not chosen or os.path.abspath(pointed) != str(chosen)):
        remarks.append(f'{POINTER} names {shorten(pointed, 200)}')
    return chosen and str(chosen)


def read_meta(path: Path, cfg: Config) -> dict:
    """What a checkpoint says about itself, if a training can go on from it.

    Only this is read, not the tensors: see :func:`check_whole`.

    Raises:
        ValueError: If it is torn, or lacks what a training needs.
    """
    if not path.is_file():
        raise FileNotFoundError(f'no checkpoint at {path}: correct the path')
    if not zipfile.is_zipfile(path):
        raise ValueError(f'{path} is torn')
    checkpoint = load_checkpoint(path, mmap=True, finite=False)
    meta = checkpoint.get('meta') or {}
    needed = ['epoch', 'iter', 'message_hub', 'optimizer']
    if cfg.get('param_scheduler'):
        needed.append('param_schedulers')
    missing = [name for name in needed if name not in {*checkpoint, *meta}]
    if missing:
        raise ValueError(
            f'{path} has no {missing[0]} to resume (nor has any best_*.pth): '
            'start from its weights by --cfg-options load_from=FILE')
    return dict(experiment_name='') | meta


def check_whole(path: Path) -> None:
    """Check the sums of a file, which torch does not, and all its numbers.

    Raises:
        ValueError: If a part of it is damaged, or not finite.
    """
    try:
        with zipfile.ZipFile(path) as file:
            damaged = file.testzip()
    except (zipfile.BadZipFile, OSError) as error:
        raise ValueError(f'{path} is torn ({error})') from error
    if damaged:
        raise ValueError(f'{path} is damaged at {damaged}')
    state = load_checkpoint(path, mmap=True, finite=False)
    del state['message_hub']  # the log: with AMP, of skipped steps too
    check_finite(path, state)


def check_same_resume(runner: Runner) -> None:
    """Check that all processes of a job go on from the same checkpoint.

    Raises:
        ValueError: If they do not, or would wait for each other for ever.
    """
    found = all_gather_object(runner._resume and runner._load_from)
    if len({*found}) > 1:
        others = [path for path in found if path != found[0]]
        raise ValueError(
            f'one process resumes {found[0]}, another {others[0]}: all nodes '
            f'must share the work directory, {runner.work_dir}')


def progress(runner: Runner) -> str:
    """Where a training stands, and what can be resumed, in a sentence."""
    text = 'stopped before training'
    loop = runner._train_loop
    if isinstance(loop, BaseLoop):
        text = (f'stopped in epoch {loop.epoch + 1}, after {loop.iter} '
                'iterations')
    latest = _if_file(_read_pointer(runner.work_dir)) or (
        [runner._load_from] if runner._resume else [])
    return (f'{text}; --resume goes on from {latest[0]}' if latest else
            f'{text}; there is no checkpoint to resume yet')


def _read_pointer(work_dir: str) -> str:
    path = Path(work_dir, POINTER)
    # A damaged one is a wrong one.
    return path.read_text(errors='replace').strip() if path.is_file() else ''


def _if_file(path: str) -> list[Path]:
    try:
        return [Path(path)] if Path(path).is_file() else []
    except (OSError, ValueError):  # zeros, or a name of a thousand letters
        return []


def _checkpoints(cfg: Config) -> Iterator[Path]:
    """The checkpoints of each epoch or iteration in the folders of a config."""
    hook = (cfg.get('default_hooks') or {}).get('checkpoint') or {}
    folders = [os.path.abspath(cfg.work_dir)]
    if hook.get('out_dir') and '://' not in hook['out_dir']:
        folders.append(
            os.path.abspath(
                os.path.join(hook['out_dir'], os.path.basename(folders[0]))))
    templates = ['epoch_{}.pth', 'iter_{}.pth']
    if hook.get('filename_tmpl'):
        templates.append(hook['filename_tmpl'])
    names = '|'.join(
        r'\d+'.join(map(re.escape, re.split('{.*?}', template)))
        for template in templates)
    for folder in folders:
        for path in Path(folder).glob('*'):
            if re.fullmatch(names, path.name):
                yield path
