from .conversion import (
    FORMATS,
    add_dist_token,
    convert,
    detect_names,
    start_dist_token,
)
from .loading import (
    allow_training_log,
    fetch_checkpoint,
    load_checkpoint,
    load_safely,
    load_weights,
    weights_of,
)
from .matching import match_checkpoint
from .pretrained import load_backbone, pretrained_cfgs

__all__ = [
    'FORMATS', 'add_dist_token', 'allow_training_log', 'convert',
    'detect_names', 'fetch_checkpoint', 'load_backbone', 'load_checkpoint',
    'load_safely', 'load_weights', 'match_checkpoint', 'pretrained_cfgs',
    'start_dist_token', 'weights_of'
]
