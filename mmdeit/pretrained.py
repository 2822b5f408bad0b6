"""A backbone that starts from a checkpoint, whoever wrote it.

What ``init_cfg=dict(type='Pretrained', ...)`` of the backbones does here in
place of mmengine's: the file is read safely, names of other projects are
converted, and a file that does not fit is an error.
"""
from typing import Dict, List, Optional, Union

from mmengine.logging import MMLogger
from mmengine.model import PretrainedInit
from mmengine.registry import WEIGHT_INITIALIZERS
from torch import Tensor, nn

from .checkpoint import load_checkpoint
from .conversion import convert, detect_names
from .fitting import fit, weights_of


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
    has none, as :func:`mmdeit.conversion.start_dist_token` does.

    Args:
        backbone (nn.Module): A ``VisionTransformer`` of this package,
            distilled or not.
        file (str): Path or address of a checkpoint in one of
            ``mmdeit.conversion.FORMATS``, of a whole model or, in this
            project's names, of a backbone.
        prefix (str, optional): Stands before the backbone's names in the
            file. Defaults to None: ``'backbone.'``, or nothing.

    Raises:
        FileNotFoundError: See :func:`mmdeit.checkpoint.load_checkpoint`.
        ValueError: If the file cannot be read safely or does not fit.
    """
    checkpoint = load_checkpoint(file)
    try:
        weights = dict(
            state_dict=_rename(weights_of(checkpoint), prefix or 'backbone'))
        note = fit(weights, nn.ModuleDict(dict(backbone=backbone)), start=True)
        backbone.load_state_dict({
            name[len('backbone.'):]: tensor
            for name, tensor in weights['state_dict'].items()
        })
    except ValueError as error:
        raise ValueError(f'{file}: {error}') from error
    MMLogger.get_current_instance().info(
        f'{file}: loaded into the backbone; {note or "nothing is left over"}')


def _rename(weights: Dict[str, Tensor], prefix: str) -> Dict[str, Tensor]:
    """Give the backbone's tensors the prefix ``'backbone.'``."""
    for start in (f'{prefix.rstrip(".")}.', 'backbone.', ''):
        if any(str(name).startswith(f'{start}layers.') for name in weights):
            return {
                f'backbone.{name[len(start):]}'
                if name.startswith(start) else name: tensor
                for name, tensor in weights.items()
            }
    return convert(weights, detect_names(weights), 'mmdeit')
