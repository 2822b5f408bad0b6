from .classes import match_classes, plain_metainfo, saved_classes
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
    force_weights_only,
    get_state_dict,
    load_checkpoint,
    load_weights,
)
from .matching import match_checkpoint
from .pretrained import load_backbone, pretrained_cfgs

__all__ = [
    'FORMATS', 'add_dist_token', 'allow_training_log', 'convert',
    'detect_names', 'fetch_checkpoint', 'force_weights_only', 'get_state_dict',
    'load_backbone', 'load_checkpoint', 'load_weights', 'match_checkpoint',
    'match_classes', 'plain_metainfo', 'pretrained_cfgs', 'saved_classes',
    'start_dist_token'
]
