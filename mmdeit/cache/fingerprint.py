"""What a teacher's answers depend on, to be compared before they are used."""
import hashlib
import inspect
import os
import re
from collections.abc import Sequence
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import numpy as np
import torch
from mmengine.registry import DATA_SAMPLERS, DATASETS, TRANSFORMS, Registry
from mmengine.runner import Runner
from torch import nn
from torch.utils.data import Dataset

from mmdeit.class_names import classes_of
from mmdeit.registry import MODELS
from mmdeit.teachers.preflight import AnyTeacher
from mmdeit.teachers.teacher import find_model
from mmdeit.utils import unwrap_model

from .difference import MISSING

STREAM = 1  # changes with whatever changes the views of a seed
# What touches a pixel, or draws a number for it.
LIBRARIES = ('numpy', 'mmcv', 'mmpretrain', 'opencv', 'pillow')
# What a config says of a dataset that changes no image.
_PLACES = ('data_root', 'data_prefix', 'ann_file', 'metainfo', 'classes',
           'serialize_data', 'lazy_init', 'download', 'backend_args',
           'test_mode', 'max_refetch', 'with_label')
_NOT_OF_ANSWERS = ('expected_accuracy', 'name', 'dtype', 'channels_last',
                   'compile', 'class_names')


def fingerprint(runner: Runner, seed: int, teacher: dict) -> dict[str, Any]:
    """What the views of a training, and a teacher's answers to them, are of.

    Args:
        runner (Runner): Trains by one of this project's loops.
        seed (int): Of the views.
        teacher (dict): Config of the teacher.

    Returns:
        dict: Plain values, by names that a user knows from configs.
    """
    loop = runner.train_loop
    preprocessor = unwrap_model(runner.model).data_preprocessor
    cfg = runner.cfg.train_dataloader
    dataset = complete(cfg.dataset, TRANSFORMS, DATASETS)
    return plain(
        dict(
            stream=STREAM,
            libraries={name: _version(name) for name in LIBRARIES},
            seed=seed,
            order=complete(cfg.sampler, DATA_SAMPLERS),
            dataset=without(dataset, _PLACES),
            images=digest_images(loop.dataloader.dataset),
            batch=dict(views=loop.plan.views, group_size=loop.plan.group_size),
            mixing=_mixing(preprocessor),
            preprocessing=_preprocessing(preprocessor),
            teacher=_teacher(teacher, classes_of(loop.dataloader.dataset))))


def precisions(teacher: AnyTeacher, runner: Runner) -> list[str]:
    """In which precision each member of a teacher that was built computes."""
    device = next(runner.model.parameters()).device
    one, found = torch.ones(1, 1, device=device), []
    with runner.optim_wrapper.optim_context(runner.model):
        for member in teacher.members:
            with member.execution._autocast(device.type):
                found.append(str((one @ one).dtype).removeprefix('torch.'))
    return found


def digest_images(dataset: Dataset) -> dict:
    """Number and digest of the images of a dataset, in order, with labels.

    Data may lie elsewhere on another machine: of a path the file's name
    counts, and its folder's where there are several. ImageNet takes 4 seconds.
    """
    names, places = (hashlib.blake2b(digest_size=16) for _ in range(2))
    folders, last = set(), None
    if read := getattr(dataset, 'get_data_info', None):
        for i in range(len(dataset)):
            info = read(i)
            folder, _, name = str(info.get('img_path', '')).rpartition('/')
            names.update(f'{name} {info.get("gt_label")}\n'.encode())
            if folder != last:
                places.update(f'{i} {os.path.basename(folder)}\n'.encode())
                folders.add(folder)
                last = folder
            if isinstance(info.get('img'), np.ndarray):
                names.update(np.ascontiguousarray(info['img']))
    if len(folders) > 1:
        names.update(places.digest())
    return dict(number=len(dataset), digest=names.hexdigest())


def complete(value: Any, *registries: Registry) -> Any:
    """A config with the defaults of what it builds written out.

    Args:
        value (Any): The config, or a part of it.
        *registries (Registry): Where its types are looked up.
    """
    if isinstance(value, (list, tuple)):
        return [complete(part, *registries) for part in value]
    if not isinstance(value, dict):
        return value
    parts = {key: complete(part, *registries) for key, part in value.items()}
    built = value.get('type')
    if isinstance(built, str):
        built = _registered(built, value.get('_scope_'), registries)
    if not inspect.isclass(built):
        return parts
    package = built.__module__.partition('.')[0]
    return dict(
        _defaults(built) | parts, type=f'{package}.{built.__name__}')


def _registered(name: str, scope: str | None,
                registries: Sequence[Registry]) -> Any:
    for registry in registries:
        with registry.switch_scope_and_registry(scope) as scoped:
            if found := scoped.get(name):
                return found


def _defaults(built: type) -> dict[str, Any]:
    """The defaults of a class, with those of what it passes ``kwargs`` to."""
    defaults: dict[str, Any] = {}
    for cls in built.__mro__:
        if '__init__' not in vars(cls):
            continue
        parameters = inspect.signature(cls.__init__).parameters.values()
        defaults = {
            parameter.name: parameter.default for parameter in parameters
            if parameter.default is not parameter.empty
        } | defaults
        if all(p.kind is not p.VAR_KEYWORD for p in parameters):
            break
    return defaults


def plain(value: Any) -> Any:
    """A config's values as JSON has them."""
    if isinstance(value, dict):
        return {str(key): plain(part) for key, part in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(part) for part in value]
    if isinstance(value, (str, int, float, bool, type(None))):
        return value
    if hasattr(value, '__name__'):
        return value.__name__
    # Others would say where in memory they are.
    named = type(value).__repr__ is not object.__repr__
    return str(value) if named else type(value).__name__


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
        augments=[
            augment and dict(vars(augment), type=type(augment).__name__)
            for augment in mixing.augments
        ])


def _preprocessing(preprocessor: nn.Module) -> dict:
    values = {name: getattr(preprocessor, name, None) for name in
              ('mean', 'std', 'to_rgb', 'pad_size_divisor', 'pad_value')}
    return {name: value.flatten().tolist() if torch.is_tensor(value) else value
            for name, value in values.items()}


def _teacher(teacher: dict, classes: list[str] | None) -> dict:
    """A teacher's config, with the digests of its files for their paths.

    The names of the student's classes stand for the mapping by them.
    """
    teacher = dict(teacher)
    if 'members' in teacher:
        teacher['members'] = [
            _teacher({'type': 'mmdeit.Teacher', **member}, classes)
            for member in teacher['members']
        ]
        return complete(teacher, MODELS)
    model = teacher.get('model')
    if isinstance(model, str) and os.path.isfile(model):
        model = find_model(model)[0]
    if isinstance(model, dict) and 'file' in model:
        model = dict(model, file=_digest_file(model['file']))
    teacher = complete(dict(teacher, model=model), MODELS)
    teacher['checkpoint'] = _digest_file(teacher.get('checkpoint'))
    if teacher.get('class_mapping') == 'name':
        teacher['class_mapping'] = classes
    by_name = any(
        isinstance(entry, str) for entry in teacher.get('class_mapping') or ())
    return {key: value for key, value in teacher.items()
            if key not in _NOT_OF_ANSWERS or by_name and key == 'class_names'}


def missing_file(teacher: dict) -> str | None:
    """A file that a teacher's config names and that is not there, if any."""
    for member in teacher.get('members', [teacher]):
        model = member.get('model')
        file = model.get('file') if isinstance(model, dict) else None
        for path in (member.get('checkpoint'), file):
            if path and _is_missing(path):
                return path
    return None


def _digest_file(path: str | None) -> str | None:
    """The first digits of a file's SHA-256.

    An address has them in its name, or stands for itself.
    """
    if path is None:
        return None
    if '://' in path:
        hashed = re.search(r'-([0-9a-f]{8})[0-9a-f]*\.[^/]*$', path)
        return hashed[1] if hashed else path
    if _is_missing(path):
        return MISSING
    digest = hashlib.sha256()
    with Path(path).expanduser().open('rb') as opened:
        while part := opened.read(2**22):
            digest.update(part)
    return digest.hexdigest()[:8]


def _is_missing(path: str) -> bool:
    return '://' not in path and not Path(path).expanduser().is_file()


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
