"""What only the command line needs; nothing else in the package imports it."""
from .checks import check_training
from .config import (
    add_common_arguments,
    add_traceback_argument,
    build_runner,
    load_config,
    read_config,
    set_dataloader_defaults,
)
from .data import check_data, check_datasets
from .device import adapt_to_device
from .errors import end_in_one_line
from .num_classes import apply_num_classes
from .outputs import check_output
from .resume import check_same_resume, progress, set_resume
from .schedule import check_schedule, check_validation
from .teacher import find_teacher_hook
from .work_dir import lock_work_dir, name_full_disk

__all__ = [
    'adapt_to_device', 'add_common_arguments', 'add_traceback_argument',
    'apply_num_classes', 'build_runner', 'check_data', 'check_datasets',
    'check_output', 'check_same_resume', 'check_schedule', 'check_training',
    'check_validation', 'end_in_one_line', 'find_teacher_hook', 'load_config',
    'lock_work_dir', 'name_full_disk', 'progress', 'read_config',
    'set_dataloader_defaults', 'set_resume'
]
