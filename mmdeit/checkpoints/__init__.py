from .classes import match_classes, plain_metainfo, saved_classes
from .conversion import (
    FORMATS,
    add_dist_token,
    convert,
    detect_names,
    first_names,
    start_dist_token,
)
from .download import fetch_checkpoint
from .finite import not_finite
from .loading import (
    allow_training_log,
    check_finite,
    find_weights,
    force_weights_only,
    get_state_dict,
    load_checkpoint,
    load_weights,
)
from .matching import match_checkpoint
from .pretrained import load_backbone, pretrained_cfgs

__all__ = [
    'FORMATS', 'add_dist_token', 'allow_training_log', 'check_finite',
    'convert', 'detect_names', 'fetch_checkpoint', 'find_weights',
    'first_names', 'force_weights_only', 'get_state_dict', 'load_backbone',
    'load_checkpoint', 'load_weights', 'match_checkpoint', 'match_classes',
    'not_finite', 'plain_metainfo', 'pretrained_cfgs', 'saved_classes',
    'start_dist_token'
]
