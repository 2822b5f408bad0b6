"""Reading checkpoints without executing anything in them.

A checkpoint is a pickle, and a pickle can run code. Everything this package
reads goes through :func:`torch.load` with ``weights_only=True``. Weights that
are not finite are refused.
"""
import logging
import os
import re
from collections.abc import Callable, Sequence
from functools import lru_cache
from pathlib import Path
from textwrap import shorten
from typing import Any
from zipfile import is_zipfile

import numpy as np
import torch
from mmengine.logging import print_log
from mmengine.runner import checkpoint as mmengine_checkpoint
from mmengine.runner.checkpoint import CheckpointLoader
from mmengine.utils import digit_version
from torch import Tensor, nn

from .classes import saved_classes
from .conversion import first_names
from .download import fetch_checkpoint
from .finite import not_finite

# Where some trainings keep the moving average of the weights: this project,
# the official code, timm.
AVERAGES = ('ema_state_dict', 'model_ema', 'state_dict_ema')


class _Ignored:
    """In place of an object of a checkpoint that is not needed."""

    def __init__(self, *args) -> None:
        pass

    __setstate__ = __init__


@lru_cache(maxsize=None)
def allow_training_log() -> None:
    """Let ``weights_only=True`` skip the log in mmengine's checkpoints.

    mmengine's CheckpointHook pickles ``HistoryBuffer`` objects. Restoring them
    takes ``getattr``, which no safe loader can allow; their numbers are read
    and dropped. Torch below 2.6 cannot.
    """
    if digit_version(torch.__version__) < digit_version('2.6'):
        return
    functions = (np.empty(0).__reduce__()[0], np.float64(0).__reduce__()[0])
    torch.serialization.add_safe_globals([
        (_Ignored, 'mmengine.logging.history_buffer.HistoryBuffer'),
        (_Ignored, 'builtins.getattr'),
        np.ndarray,
        np.dtype,
        type(np.dtype('f8')),
        type(np.dtype('i8')),
        # numpy 2 moved them, and files are read across versions.
        *((function, f'numpy.{core}.multiarray.{function.__name__}')
          for function in functions for core in ('core', '_core')),
    ])


def force_weights_only() -> None:
    """Make every ``torch.load``, mmengine's too, refuse to run code.

    Torch does by default since 2.6; mmengine, which looks for weights in
    ``state_dict`` alone, reads by :func:`load_checkpoint`.

    Raises:
        ValueError: If the environment asks for the contrary.
    """
    _check_environment()
    os.environ.setdefault('TORCH_FORCE_WEIGHTS_ONLY_LOAD', '1')
    allow_training_log()
    CheckpointLoader.register_scheme(
        ('', 'http://', 'https://'), loader=_load_for_mmengine, force=True)
    # By this name the loaders of torchvision:// and the like download.
    mmengine_checkpoint.load_from_http = _load_for_mmengine


def _load_for_mmengine(filename: str, map_location: Any = None) -> dict:
    checkpoint = load_checkpoint(filename, map_location)
    checkpoint['state_dict'] = get_state_dict(checkpoint)
    return checkpoint


def _check_environment() -> None:
    name = 'TORCH_FORCE_NO_WEIGHTS_ONLY_LOAD'
    if os.environ.get(name, '0') in ('1', 'y', 'yes', 'true'):
        raise ValueError(
            f'{name}={os.environ[name]} is set in the environment and lets '
            f'checkpoints run code: remove it by "unset {name}"')


def load_checkpoint(
        path: str | Path,
        map_location: str | torch.device | Callable | None = 'cpu',
        mmap: bool = False,
        finite: bool = True) -> dict:
    """Load the content of a checkpoint file safely.

    Args:
        path (str | Path): A file of :func:`torch.save`, or an address for
            :func:`fetch_checkpoint`.
        map_location: As in :func:`torch.load`. Defaults to ``'cpu'``.
        mmap (bool): Read a tensor only when it is used. Defaults to False.
        finite (bool): Whether to read the weights and refuse what is not
            finite. Defaults to True.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If it is damaged, holds code or has no weights, or weights
            that are not finite. Torch below 2.6 also refuses the log in
            checkpoints of mmengine's own hook.
    """
    _check_environment()
    if str(path).startswith(('http://', 'https://')):
        path = fetch_checkpoint(str(path))
    path = Path(path).expanduser()
    if not path.is_file():
        raise FileNotFoundError(f'no checkpoint at {path}: correct the path')
    allow_training_log()
    try:
        checkpoint = torch.load(
            str(path), map_location=map_location, weights_only=True, mmap=mmap)
        weights, _ = find_weights(checkpoint)
        reason = '' if isinstance(weights, dict) else _reason(
            path, f'its weights are a {type(weights).__name__}')
    except Exception as error:  # damaged files raise many types
        reason = _reason(path, str(error) or type(error).__name__)
    if not reason:
        if finite:
            check_finite(path, weights)
        return checkpoint
    raise ValueError(
        f'{path} is no checkpoint that can be loaded safely: it is damaged or '
        'holds more than tensors; fetch it again, or keep only its state_dict '
        f'({reason})')


def _reason(path: Path, error: str) -> str:
    """What is wrong with a file, in a few words."""
    with path.open('rb') as file:
        start = file.read(256).lstrip()
    if not start or start[:1] == b'<':
        return 'it is a web page' if start else 'it is empty'
    if start[:2] == b'PK' and not is_zipfile(path):
        return 'it is cut off'
    found = re.search(r'unsupported (?:global|class):? (?:global )?([\w.]+)',
                      error, re.IGNORECASE)
    if found:
        return f'it asks for {found[1]}'
    if path.suffix == '.safetensors':
        return ('it is in another format: convert it, a DeiT by tools/'
                'model_converters/convert_deit.py')
    if 'Script' in error:  # or RecursiveScriptModule, as torch 2.1 reads it
        return ('it is a program, TorchScript: a teacher takes it by model='
                "dict(type='mmdeit.ExportedClassifier', file=...)")
    if 'Unsupported operand' in error:
        return 'torch.save has not written it'
    return shorten(error, 200)


def check_finite(owner: str | Path, content: Any) -> None:
    """Refuse tensors, in nested dicts and lists, that are not finite.

    Raises:
        ValueError: If one is not, with its name and that of the owner.
    """
    if names := not_finite(content):
        raise ValueError(
            f'{owner} is not finite in {first_names(names)}, as after a '
            'training that diverged: give an earlier checkpoint')


def find_weights(checkpoint: Any) -> tuple[Any, str | None]:
    """The weights in the content of a file, and the entry that has them.

    That is None where the file has nothing but weights.
    """
    if isinstance(checkpoint, dict):
        for entry in ('state_dict', 'model', *AVERAGES):
            if entry in checkpoint:
                return checkpoint[entry], entry
    return checkpoint, None


def get_state_dict(checkpoint: dict) -> dict[str, Tensor]:
    """Find the weights in a checkpoint, without the prefixes of wrappers.

    They are its ``state_dict`` (mmengine) or ``model`` (the official DeiT
    code), which is changed in place, or the checkpoint itself. Where there is
    only a moving average, it is taken, and the log says so. ``module.`` is of
    DDP, ``_orig_mod.`` of ``torch.compile``.
    """
    weights, entry = find_weights(checkpoint)
    if entry in AVERAGES:
        print_log(f'The checkpoint has no weights but {entry}: their average '
                  'is taken', 'current', logging.WARNING)
        weights = {name: tensor for name, tensor in weights.items()
                   if name != 'steps'}  # how many were averaged
    elif entry is None:
        weights = dict(checkpoint)
    names = {name: re.sub(r'^module\.', '',
                          str(name).replace('_orig_mod.', ''))
             for name in weights}
    for name, plain in names.items():
        if name != plain:
            weights[plain] = weights.pop(name)
    return weights


def check_numbers(weights: dict, own: dict[str, Tensor]) -> None:
    """Check that weights are numbers as those of a model, ``own``.

    Whole or complex ones would be copied into it without a word.

    Raises:
        ValueError: If one is no tensor, or one of other numbers.
    """
    for name in own.keys() & weights.keys():
        found = getattr(weights[name], 'dtype', type(weights[name]).__name__)
        if own[name].is_floating_point() and not getattr(
                found, 'is_floating_point', False):
            raise ValueError(f'{name} is of {found}, expected '
                             f'{own[name].dtype}: give the weights from before '
                             'they were quantised or exported')


def load_weights(model: nn.Module, path: str | Path) -> Sequence[str] | None:
    """Load a checkpoint that has exactly the tensors of a model.

    Returns:
        Sequence[str] | None: The names of its classes, if it says them.

    Raises:
        ValueError: If names or shapes differ; see also :func:`load_checkpoint`.
    """
    checkpoint = load_checkpoint(path)
    weights = get_state_dict(checkpoint)
    try:
        check_numbers(weights, model.state_dict())
        model.load_state_dict(weights, strict=True)
    except (RuntimeError, ValueError) as error:
        raise ValueError(f'{path} does not hold the weights of this model: '
                         f'{shorten(str(error), 400)}') from error
    return saved_classes(checkpoint)
