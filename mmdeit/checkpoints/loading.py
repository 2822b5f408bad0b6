"""Reading checkpoints without executing anything in them.

A checkpoint is a pickle, and a pickle can run code. Everything this package
reads goes through :func:`torch.load` with ``weights_only=True``; what it
downloads is checked by hash.
"""
import os
import re
from collections.abc import Callable, Sequence
from functools import lru_cache
from pathlib import Path
from textwrap import shorten
from typing import Any

import numpy as np
import torch
from mmengine.dist import barrier
from mmengine.runner.checkpoint import CheckpointLoader
from mmengine.utils import digit_version
from torch import Tensor, nn

from .classes import saved_classes


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

    Torch does by default since 2.6; mmengine reads by :func:`load_checkpoint`.
    """
    os.environ.setdefault('TORCH_FORCE_WEIGHTS_ONLY_LOAD', '1')
    allow_training_log()
    CheckpointLoader.register_scheme(
        ('', 'http://', 'https://'), loader=load_checkpoint, force=True)


def fetch_checkpoint(url: str) -> Path:
    """Download a checkpoint once, into torch.hub's cache.

    Args:
        url (str): Its file name ends in the first digits of its SHA-256, such
            as ``regnety_160-a5fe301d.pth``.

    Returns:
        Path: The file on the disk; complete, or not there at all.

    Raises:
        ValueError: If the name has no hash.
        FileNotFoundError: If it cannot be fetched, or has another hash.
    """
    name = url.rsplit('/', 1)[-1]
    digits = re.search(r'-([0-9a-f]{8,})\.', name)
    if digits is None:
        raise ValueError(f'{url} has no hash in its name to check it by: give '
                         'the path of a file')
    path = Path(torch.hub.get_dir()) / 'checkpoints' / name
    # Each node has a disk of its own.
    if os.environ.get('LOCAL_RANK', '0') == '0' and not path.is_file():
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            torch.hub.download_url_to_file(url, str(path), digits[1])
        except (OSError, RuntimeError) as error:
            raise FileNotFoundError(f'cannot fetch {url} ({error}): put the '
                                    f'file at {path}') from error
    barrier()
    return path


def load_checkpoint(
        path: str | Path,
        map_location: str | torch.device | Callable | None = 'cpu',
        mmap: bool = False) -> dict:
    """Load the content of a checkpoint file safely.

    Args:
        path (str | Path): A file of :func:`torch.save`, or an address for
            :func:`fetch_checkpoint`.
        map_location: As in :func:`torch.load`. Defaults to ``'cpu'``.
        mmap (bool): Read a tensor only when it is used. Defaults to False.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If it is damaged, holds code or has no weights. Torch below
            2.6 also refuses the log in checkpoints of mmengine's own hook.
    """
    if str(path).startswith(('http://', 'https://')):
        path = fetch_checkpoint(str(path))
    path = Path(path).expanduser()
    if not path.is_file():
        raise FileNotFoundError(f'no checkpoint at {path}: correct the path')
    allow_training_log()
    try:
        checkpoint = torch.load(
            str(path), map_location=map_location, weights_only=True, mmap=mmap)
        weights = _find_weights(checkpoint)
        if isinstance(weights, dict):
            return checkpoint
        reason = f'its weights are a {type(weights).__name__}'
    except Exception as error:  # damaged files raise many types
        reason = _reason(path, str(error) or type(error).__name__)
    raise ValueError(
        f'{path} is no checkpoint that can be loaded safely: it is damaged or '
        'holds more than tensors; fetch it again, or keep only its state_dict '
        f'({reason})')


def _reason(path: Path, error: str) -> str:
    """What is wrong with a file, in a few words."""
    with path.open('rb') as file:
        if file.read(256).lstrip()[:1] == b'<':
            return 'it is a web page'
    found = re.search(r'Unsupported (?:global|class):? (?:GLOBAL )?([\w.]+)',
                      error)
    return f'it asks for {found[1]}' if found else shorten(error, 200)


def _find_weights(checkpoint: Any) -> Any:
    if not isinstance(checkpoint, dict):
        return checkpoint
    return checkpoint.get('state_dict', checkpoint.get('model', checkpoint))


def get_state_dict(checkpoint: dict) -> dict[str, Tensor]:
    """Find the weights in a checkpoint, without DDP's ``module.`` prefix.

    They are its ``state_dict`` (mmengine) or ``model`` (the official DeiT
    code), which is changed in place, or the checkpoint itself.
    """
    weights = _find_weights(checkpoint)
    if weights is checkpoint:
        weights = dict(checkpoint)
    for name in [name for name in weights if str(name).startswith('module.')]:
        weights[name[len('module.'):]] = weights.pop(name)
    return weights


def load_weights(model: nn.Module, path: str | Path) -> Sequence[str] | None:
    """Load a checkpoint that has exactly the tensors of a model.

    Returns:
        Sequence[str] | None: The names of its classes, if it says them.

    Raises:
        ValueError: If names or shapes differ; see also :func:`load_checkpoint`.
    """
    checkpoint = load_checkpoint(path)
    try:
        model.load_state_dict(get_state_dict(checkpoint), strict=True)
    except RuntimeError as error:
        raise ValueError(f'{path} does not hold the weights of this model: '
                         f'{shorten(str(error), 400)}') from error
    return saved_classes(checkpoint)
