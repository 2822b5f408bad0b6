"""Reading checkpoints without executing anything in them.

A checkpoint is a pickle, and a pickle can run code. Everything this package
reads goes through :func:`torch.load` with ``weights_only=True``; what it
downloads is checked by hash.
"""
import os
import re
from functools import lru_cache
from pathlib import Path
from textwrap import shorten
from typing import Callable, Dict, Optional, Union

import numpy as np
import torch
from mmengine.dist import barrier
from mmengine.runner.checkpoint import CheckpointLoader
from mmengine.utils import digit_version
from torch import Tensor, nn

MapLocation = Optional[Union[str, torch.device, Callable]]


class _Ignored:
    """Stands in for an object of a checkpoint that nobody needs."""

    def __init__(self, *args) -> None:
        pass

    def __setstate__(self, state: dict) -> None:
        pass


@lru_cache(maxsize=None)
def allow_training_log() -> None:
    """Let ``weights_only=True`` pass over the log in mmengine's checkpoints.

    mmengine's own CheckpointHook pickles its log beside the weights. To restore
    that would take ``getattr``, which no safe loader can allow; here it is left
    out, and the numbers in it are read. Older torch has no way to say so.
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


def load_safely() -> None:
    """Make every ``torch.load``, mmengine's too, refuse to run code.

    That is torch's default since 2.6; the variable is for the releases before.
    mmengine reads files and addresses by :func:`load_checkpoint`.
    """
    os.environ.setdefault('TORCH_FORCE_WEIGHTS_ONLY_LOAD', '1')
    allow_training_log()
    CheckpointLoader.register_scheme(
        ('', 'http://', 'https://'), loader=load_checkpoint, force=True)


def fetch_checkpoint(url: str) -> Path:
    """Download a checkpoint once, into torch.hub's cache.

    Args:
        url (str): Address whose file name ends in the first digits of its
            SHA-256, such as ``regnety_160-a5fe301d.pth``.

    Returns:
        Path: The file on the disk; complete, or not there at all.

    Raises:
        ValueError: If the name carries no hash.
        FileNotFoundError: If it cannot be fetched, or has another hash.
    """
    name = url.rsplit('/', 1)[-1]
    digits = re.search(r'-([0-9a-f]{8,})\.', name)
    if digits is None:
        raise ValueError(
            f'{url} carries no hash in its name to check the download by: '
            'fetch it yourself and give the path of the file')
    path = Path(torch.hub.get_dir()) / 'checkpoints' / name
    # Each node has a disk of its own.
    if os.environ.get('LOCAL_RANK', '0') == '0' and not path.is_file():
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            torch.hub.download_url_to_file(url, str(path), digits[1])
        except (OSError, RuntimeError) as error:
            raise FileNotFoundError(
                f'cannot fetch {url} ({error}): fetch it elsewhere and put it '
                f'at {path}') from error
    barrier()
    return path


def load_checkpoint(path: Union[str, Path],
                    map_location: MapLocation = 'cpu') -> dict:
    """Load a checkpoint file safely.

    Args:
        path (str | Path): A file of :func:`torch.save`, or an address for
            :func:`fetch_checkpoint`.
        map_location (str | torch.device | Callable, optional): As in
            :func:`torch.load`. Defaults to ``'cpu'``.

    Returns:
        dict: What it holds.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If it is damaged or holds code. Torch below 2.6 takes the
            log in checkpoints of mmengine's own hook for that, but not in
            those of :class:`mmdeit.hooks.CheckpointHook`.
    """
    if str(path).startswith(('http://', 'https://')):
        path = fetch_checkpoint(str(path))
    path = Path(path).expanduser()
    if not path.is_file():
        raise FileNotFoundError(
            f'no checkpoint at {path}: correct the path, or download or train '
            'it first')
    allow_training_log()
    try:
        checkpoint = torch.load(
            path, map_location=map_location, weights_only=True)
        if isinstance(checkpoint, dict):
            return checkpoint
        reason = f'it holds a {type(checkpoint).__name__}'
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
    if found:
        return f'it asks for {found[1]}'
    return shorten(error, 200)


def weights_of(checkpoint: dict) -> Dict[str, Tensor]:
    """Find the weights in a checkpoint.

    Args:
        checkpoint (dict): Has them as ``state_dict`` (mmengine) or ``model``
            (the official DeiT code), or is nothing else.

    Returns:
        dict[str, Tensor]: They, in place without the prefix of DDP.

    Raises:
        ValueError: If they are no dict.
    """
    weights = checkpoint.get('state_dict', checkpoint.get('model', checkpoint))
    if not isinstance(weights, dict):
        raise ValueError(
            f'its weights are a {type(weights).__name__}, expected a '
            'state_dict: save model.state_dict()')
    if weights is checkpoint:
        weights = dict(checkpoint)
    for name in [name for name in weights if str(name).startswith('module.')]:
        weights[name[len('module.'):]] = weights.pop(name)  # DDP's
    return weights


def load_weights(model: nn.Module, path: Union[str, Path]) -> None:
    """Load weights into a model, every tensor of both, or none.

    Args:
        model (nn.Module): The model.
        path (str | Path): Path or address of a checkpoint as
            :func:`weights_of` takes it.

    Raises:
        FileNotFoundError: See :func:`load_checkpoint`.
        ValueError: See :func:`load_checkpoint`; or if names or shapes differ
            between the file and the model.
    """
    checkpoint = load_checkpoint(path)
    try:
        model.load_state_dict(weights_of(checkpoint), strict=True)
    except (RuntimeError, ValueError) as error:
        raise ValueError(
            f'{path} does not hold the weights of this model; give it the file '
            'that its config describes: '
            f'{shorten(str(error), 400)}') from error
