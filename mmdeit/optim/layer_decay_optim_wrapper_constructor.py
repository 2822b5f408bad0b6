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
    the layers at 1 to 12, the last norm, neck and heads at 13.
    ``paramwise_cfg`` is that of mmpretrain's
    ``LearningRateDecayOptimWrapperConstructor``, which asks the whole model
    for the depths; here the backbone gives them.
    """

    def add_params(self,
                   params: list[dict],
                   module: nn.Module,
                   prefix: str = '',
                   get_layer_depth: Callable | None = None,
                   **kwargs) -> None:
        """Add the parameters of a module and its children, in groups.

        Args:
            params (list[dict]): The groups, changed in place.
            module (nn.Module): The model, with ``backbone``; further down, a
                part of it.
            prefix (str): Name of the module in the model. Defaults to ''.
            get_layer_depth (Callable, optional): Maps a parameter's name to
                its depth and the number of depths. Defaults to None, the
                backbone's.
            **kwargs: Passed on.

        Raises:
            ValueError: If the model has no backbone that knows its depths.
        """
        if get_layer_depth is None:
            backbone = getattr(module, 'backbone', None)
            if not hasattr(backbone, 'get_layer_depth'):
                raise ValueError(
                    f'{type(backbone).__name__} has no get_layer_depth: give '
                    "type='mmdeit.DistilledVisionTransformer' as backbone, or "
                    'leave optim_wrapper.constructor out')
            get_layer_depth = partial(
                backbone.get_layer_depth, prefix='backbone.')
        super().add_params(params, module, prefix, get_layer_depth, **kwargs)
        if not prefix:
            params[:] = merge_groups(params)
