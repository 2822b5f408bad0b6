"""What only the command line needs; nothing else in the package imports it."""
from .checks import check_data, check_images, check_training
from .config import (
    add_common_arguments,
    build_runner,
    load_config,
    one_line_errors,
    set_dataloader_defaults,
)
from .device import adapt_to_device
from .num_classes import apply_num_classes
from .resume import check_same_resume, progress, set_resume
from .signals import end_by_signal, is_first_process
from .teacher import find_teacher_hook
from .work_dir import lock_work_dir, name_full_disk

__all__ = [
    'adapt_to_device', 'add_common_arguments', 'apply_num_classes',
    'build_runner', 'check_data', 'check_images', 'check_same_resume',
    'check_training', 'end_by_signal', 'find_teacher_hook', 'is_first_process',
    'load_config', 'lock_work_dir', 'name_full_disk', 'one_line_errors',
    'progress', 'set_dataloader_defaults', 'set_resume'
]
