"""What only the command line needs; nothing else in the package imports it."""
from .checks import check_training
from .config import (
    add_common_arguments,
    build_runner,
    load_config,
    one_line_errors,
    set_dataloader_defaults,
)
from .data import check_data, check_datasets
from .device import adapt_to_device
from .num_classes import apply_num_classes
from .teacher import find_teacher_hook

__all__ = [
    'adapt_to_device', 'add_common_arguments', 'apply_num_classes',
    'build_runner', 'check_data', 'check_datasets', 'check_training',
    'find_teacher_hook', 'load_config', 'one_line_errors',
    'set_dataloader_defaults'
]
