from .layer_decay_optim_wrapper_constructor import (
    LayerDecayOptimWrapperConstructor,
)
from .merging_optim_wrapper_constructor import MergingOptimWrapperConstructor
from .warmup_cosine_lr import WarmupCosineLR

__all__ = [
    'LayerDecayOptimWrapperConstructor', 'MergingOptimWrapperConstructor',
    'WarmupCosineLR'
]
