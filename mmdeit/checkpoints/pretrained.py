"""Backbones that start from a checkpoint of any of the known projects.

The backbones take it for ``init_cfg=dict(type='Pretrained', ...)`` in place of
mmengine's: the file is read safely, names of other projects are converted, and
a file that does not fit is an error.
"""
from mmengine.logging import MMLogger
from mmengine.model import PretrainedInit
from mmengine.registry import WEIGHT_INITIALIZERS
from torch import Tensor, nn

from .conversion import convert, detect_names, first_names
from .loading import get_state_dict, load_checkpoint
from .matching import match_checkpoint


def pretrained_cfgs(init_cfg: dict | list[dict] | None) -> list[dict]:
    """The parts of mmengine's ``init_cfg`` of type ``Pretrained``.

    A type is the class, its name or its name with a scope.
    """
    def initializer(kind: str | type) -> type | None:
        return WEIGHT_INITIALIZERS.get(kind) if isinstance(kind, str) else kind

    cfgs = [init_cfg] if isinstance(init_cfg, dict) else init_cfg or []
    return [cfg for cfg in cfgs if initializer(cfg['type']) is PretrainedInit]


def load_backbone(backbone: nn.Module,
                  file: str,
                  prefix: str | None = None) -> None:
    """Load the weights of a backbone, and log in one line what is left over.

    Args:
        backbone (nn.Module): A ``VisionTransformer`` of this package,
            distilled or not. Where the checkpoint has no distillation token,
            it makes one by :func:`mmdeit.checkpoints.start_dist_token`.
        file (str): Path or address of a checkpoint in one of
            ``mmdeit.checkpoints.FORMATS``, of a whole model or, in this
            project's names, of a backbone.
        prefix (str, optional): Of the backbone's names in the file; tensors
            with another are left out. Defaults to None: ``'backbone.'``, no
            prefix, or the names of another project.

    Raises:
        ValueError: If it does not fit or has no such prefix; see also
            :func:`mmdeit.checkpoints.load_checkpoint`.
    """
    checkpoint = load_checkpoint(file)
    try:
        own, rest = _split(get_state_dict(checkpoint), prefix)
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


def _split(weights: dict[str, Tensor],
           prefix: str | None) -> tuple[dict[str, Tensor], list[str]]:
    """The backbone's tensors, as ``backbone.*``, and the rest's names."""
    given = f'{(prefix or "backbone").rstrip(".")}.'
    for start in ('backbone.', '') if given == 'backbone.' else (given, ):
        if any(str(name).startswith(f'{start}layers.') for name in weights):
            break
    else:
        if given != 'backbone.':
            raise ValueError(f"it has no backbone under the prefix '{given}', "
                             f'but {first_names(weights) or "nothing"}')
        weights = convert(weights, detect_names(weights), 'mmdeit')
        start = given
    own = {
        f'backbone.{name[len(start):]}': tensor
        for name, tensor in weights.items() if name.startswith(start)
    }
    return own, [name for name in weights if not name.startswith(start)]
