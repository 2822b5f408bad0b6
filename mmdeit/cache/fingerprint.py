"""What a teacher's answers depend on, to be compared before they are used."""
import hashlib
import os
from collections.abc import Sequence
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import numpy as np
from mmengine.runner import Runner
from torch import nn
from torch.utils.data import Dataset

from mmdeit.utils import unwrap_model

STREAM = 1  # changes with whatever changes the views of a seed
# What touches a pixel, or draws a number for it.
LIBRARIES = ('numpy', 'mmcv', 'mmpretrain', 'opencv', 'pillow')
# What a config says of a dataset that changes no image.
_PLACES = ('data_root', 'data_prefix', 'ann_file', 'metainfo', 'classes',
           'serialize_data', 'lazy_init', 'download', 'backend_args',
           'test_mode', 'max_refetch', 'with_label')
_NOT_OF_ANSWERS = ('expected_accuracy', 'name', 'dtype', 'channels_last',
                   'compile', 'class_names')


def fingerprint(runner: Runner, teacher: dict) -> dict[str, Any]:
    """What the views of a training, and a teacher's answers to them, are of.

    Args:
        runner (Runner): Trains by one of this project's loops.
        teacher (dict): Config of the teacher.

    Returns:
        dict: Plain values, by names that a user knows from configs.
    """
    loop = runner.train_loop
    preprocessor = unwrap_model(runner.model).data_preprocessor
    cfg = runner.cfg.train_dataloader
    return plain(
        dict(
            stream=STREAM,
            seed=loop.seed,
            images=digest_images(loop.dataloader.dataset),
            order=cfg.sampler,
            dataset=without(cfg.dataset, _PLACES),
            batch=dict(views=loop.plan.views, group_size=loop.plan.group_size),
            mixing=_mixing(preprocessor),
            normalization={
                name: getattr(preprocessor, name).flatten().tolist()
                for name in ('mean', 'std') if hasattr(preprocessor, name)
            },
            teacher=_teacher(teacher),
            libraries={name: _version(name) for name in LIBRARIES}))


def digest_images(dataset: Dataset) -> dict:
    """Number and digest of the images of a dataset, in order, with labels.

    Of a path the file and its folder count, as data may lie elsewhere on
    another machine.
    """
    digest = hashlib.blake2b(digest_size=16)
    if hasattr(dataset, 'get_data_info'):
        for i in range(len(dataset)):
            info = dataset.get_data_info(i)
            path = str(info.get('img_path', '')).split('/')[-2:]
            digest.update(f'{path} {info.get("gt_label")}\n'.encode())
            if isinstance(info.get('img'), np.ndarray):
                digest.update(np.ascontiguousarray(info['img']))
    return dict(number=len(dataset), digest=digest.hexdigest())


def first_difference(saved: Any, now: Any,
                     path: str = '') -> tuple[str, Any, Any] | None:
    """Where two fingerprints differ: its path, and both values."""
    if isinstance(saved, dict) and isinstance(now, dict):
        for key in [*saved, *(key for key in now if key not in saved)]:
            found = first_difference(
                saved.get(key), now.get(key), f'{path}.{key}' if path else key)
            if found:
                return found
        return None
    if isinstance(saved, list) and isinstance(now, list) and (
            len(saved) == len(now)):
        for i, pair in enumerate(zip(saved, now)):
            if found := first_difference(*pair, f'{path}[{i}]'):
                return found
        return None
    return None if saved == now else (path, saved, now)


def plain(value: Any) -> Any:
    """A config's values as JSON has them."""
    if isinstance(value, dict):
        return {str(key): plain(part) for key, part in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(part) for part in value]
    if isinstance(value, (str, int, float, bool, type(None))):
        return value
    return getattr(value, '__name__', None) or str(value)


def without(value: Any, names: Sequence[str]) -> Any:
    """A config without the settings of some names, at any depth."""
    if isinstance(value, dict):
        return {key: without(part, names) for key, part in value.items()
                if key not in names}
    if isinstance(value, (list, tuple)):
        return [without(part, names) for part in value]
    return value


def _mixing(preprocessor: nn.Module) -> dict | None:
    mixing = getattr(preprocessor, 'batch_augments', None)
    return mixing and dict(
        probs=mixing.probs,
        augments=[[type(augment).__name__, getattr(augment, 'alpha', None)]
                  for augment in mixing.augments])


def _teacher(teacher: dict) -> dict:
    members = teacher.get('members') or [teacher]
    return dict(
        combine={name: teacher[name] for name in ('weights', 'combine')
                 if name in teacher},
        members=[
            dict(
                without({key: value for key, value in member.items()
                         if key not in ('type', 'checkpoint')},
                        _NOT_OF_ANSWERS),
                checkpoint=_digest_file(member.get('checkpoint')))
            for member in members
        ])


def _digest_file(path: str | None) -> str | None:
    """The digest of a file; None if there is none here to be read."""
    if not path or not os.path.isfile(path):
        return None
    digest = hashlib.sha256()
    with Path(path).open('rb') as file:
        while part := file.read(2**22):
            digest.update(part)
    return digest.hexdigest()


def _version(name: str) -> str | None:
    names = dict(
        opencv=('opencv-python', 'opencv-python-headless',
                'opencv-contrib-python', 'opencv-contrib-python-headless'),
        mmcv=('mmcv', 'mmcv-lite')).get(name, (name, ))
    for distribution in names:
        try:
            return version(distribution)
        except PackageNotFoundError:
            continue
    return None
