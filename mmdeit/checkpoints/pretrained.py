"""A backbone that starts from a checkpoint, whoever wrote it.

What ``init_cfg=dict(type='Pretrained', ...)`` of the backbones does here in
place of mmengine's: the file is read safely, names of other projects are
converted, and a file that does not fit is an error.
"""
import re
from typing import Dict, List, Optional, Tuple, Union

from mmengine.logging import MMLogger
from mmengine.model import PretrainedInit
from mmengine.registry import WEIGHT_INITIALIZERS
from torch import Tensor, nn

from .conversion import convert, detect_names, first_names
from .loading import load_checkpoint, weights_of
from .matching import match_checkpoint


def pretrained_cfgs(init_cfg: Union[dict, List[dict], None]) -> List[dict]:
    """Those parts of an ``init_cfg`` that name a checkpoint.

    Args:
        init_cfg (dict | list[dict], optional): As mmengine takes it.

    Returns:
        list[dict]: They, whether their type is the class, its name or its name
        with a scope.
    """

    def initializer(kind: Union[str, type]) -> Optional[type]:
        return WEIGHT_INITIALIZERS.get(kind) if isinstance(kind, str) else kind

    cfgs = [init_cfg] if isinstance(init_cfg, dict) else init_cfg or []
    return [cfg for cfg in cfgs if initializer(cfg['type']) is PretrainedInit]


def load_backbone(backbone: nn.Module,
                  file: str,
                  prefix: Optional[str] = None) -> None:
    """Load the weights of a backbone, and log in one line what is left over.

    A distilled backbone starts its distillation token, where the checkpoint
    has none, as :func:`mmdeit.checkpoints.start_dist_token` does.

    Args:
        backbone (nn.Module): A ``VisionTransformer`` of this package,
            distilled or not.
        file (str): Path or address of a checkpoint in one of
            ``mmdeit.checkpoints.FORMATS``, of a whole model or, in this
            project's names, of a backbone.
        prefix (str, optional): Stands before the backbone's names in the
            file; what has another is left out. Defaults to None:
            ``'backbone.'``, which stands for no prefix and for the names of
            other projects too.

    Raises:
        FileNotFoundError: See :func:`mmdeit.checkpoints.load_checkpoint`.
        ValueError: If the file cannot be read safely, does not fit or has no
            such prefix.
    """
    checkpoint = load_checkpoint(file)
    try:
        own, rest = _split(weights_of(checkpoint), prefix)
        weights = dict(state_dict=own)
        match_checkpoint(
            weights, nn.ModuleDict(dict(backbone=backbone)), start=True)
        backbone.load_state_dict({
            name[len('backbone.'):]: tensor
            for name, tensor in weights['state_dict'].items()
        })
    except ValueError as error:
        raise ValueError(f'{file}: {error}') from error
    note = (f'left out {first_names(rest)}: not in the model'
            if rest else 'nothing is left over')
    MMLogger.get_current_instance().info(
        f'{file}: loaded into the backbone; {note}')


def _split(weights: Dict[str, Tensor],
           prefix: Optional[str]) -> Tuple[Dict[str, Tensor], List[str]]:
    """The backbone's tensors, as ``'backbone.*'``, and the names of the rest.

    Raises:
        ValueError: If a prefix other than ``'backbone.'`` is not there.
    """
    given = f'{(prefix or "backbone").rstrip(".")}.'
    starts = ('backbone.', '') if given == 'backbone.' else (given, )
    start = next((start for start in starts
                  if any(str(name).startswith(f'{start}layers.')
                         for name in weights)), None)
    if start is None and given == 'backbone.':
        weights, start = convert(weights, detect_names(weights),
                                 'mmdeit'), given
    if start is None:
        there = sorted({
            f"'{found[1]}'" for found in (
                re.match(r'(.*?)layers\.\d+\.', str(name)) for name in weights)
            if found
        })
        raise ValueError(
            f"it has no backbone under the prefix '{given}': leave prefix out, "
            f'or give one of {first_names(there) or "(none)"}')
    own = {
        f'backbone.{name[len(start):]}': tensor
        for name, tensor in weights.items() if name.startswith(start)
    }
    return own, [name for name in weights if not name.startswith(start)]
