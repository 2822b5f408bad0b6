"""Layer-wise learning rates for detectors and segmentors."""
from collections.abc import Callable
from functools import partial

from mmpretrain.engine.optimizers import (
    LearningRateDecayOptimWrapperConstructor,
)
from torch import nn

from mmdeit.registry import OPTIM_WRAPPER_CONSTRUCTORS

from .merging_optim_wrapper_constructor import merge_groups


@OPTIM_WRAPPER_CONSTRUCTORS.register_module()
class LayerDecayOptimWrapperConstructor(
        LearningRateDecayOptimWrapperConstructor):
    """A smaller learning rate for each layer nearer to the image.

    A parameter of depth d of D has the rate ``lr * layer_decay_rate**(D - 1 -
    d)``. With 12 layers D is 14: the embedding and all tokens are at depth 0,
    the layers at 1 to 12, the last norm, neck and heads at 13. Arguments are
    those of mmpretrain's ``LearningRateDecayOptimWrapperConstructor``, which
    asks the whole model for the depths; here the backbone gives them.

    Raises:
        ValueError: If the model has no backbone that knows its depths.
    """

    def add_params(self,
                   params: list[dict],
                   module: nn.Module,
                   prefix: str = '',
                   get_layer_depth: Callable | None = None,
                   **kwargs) -> None:
        """As in mmpretrain; the whole model's groups are merged."""
        if get_layer_depth is None:
            backbone = getattr(module, 'backbone', None)
            if not hasattr(backbone, 'get_layer_depth'):
                raise ValueError(
                    f'{type(backbone).__name__} has no get_layer_depth: leave '
                    'optim_wrapper.constructor out, or give a DeiT')
            get_layer_depth = partial(
                backbone.get_layer_depth, prefix='backbone.')
        super().add_params(params, module, prefix, get_layer_depth, **kwargs)
        if not prefix:
            params[:] = merge_groups(params)
