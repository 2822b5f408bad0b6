"""Check the teacher of a config without training anything.

It is prepared as before the first step of the training: fitted to the student,
executed in the fastest way that the config leaves open, and evaluated on
validation images through its own preprocessing. A teacher that the training
would refuse ends in one line and exit code 1.
"""
import argparse
import tempfile

from mmengine.config import Config
from mmengine.registry import MODELS

from mmdeit.cli import (
    add_common_arguments,
    build_runner,
    check_data,
    load_config,
    one_line_errors,
    set_dataloader_defaults,
)
from mmdeit.hooks import TeacherHook
from mmdeit.teachers.preflight import preflight


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('config', help='train config file with a TeacherHook')
    parser.add_argument(
        '--images',
        type=int,
        default=512,
        help='evaluate on so many images from all over the validation '
        'dataset; on all where it has fewer (default: 512)')
    add_common_arguments(parser)
    args = parser.parse_args()
    if args.images < 1:
        parser.error(f'--images is {args.images}: at least one is needed')
    if args.launcher != 'none':
        parser.error('checks in one process: no --launcher')
    return args


def check_teacher(cfg: Config, num_images: int) -> None:
    """Prepare the teacher of a config and print what comes of it.

    Args:
        cfg (Config): The training config.
        num_images (int): How many validation images it is evaluated on.

    Raises:
        FileNotFoundError: If data or a checkpoint is missing.
        ValueError: If the config has no teacher or no validation dataset, or
            the training would refuse the teacher.
    """
    check_data(cfg, 'train_dataloader', 'val_dataloader')
    runner = build_runner(cfg)
    hook = next((h for h in runner.hooks if isinstance(h, TeacherHook)), None)
    if hook is None:
        raise ValueError(f'{cfg.filename} has no teacher: add default_hooks.'
                         "teacher=dict(type='mmdeit.TeacherHook', ...)")
    if runner.val_loop is None:
        raise ValueError(f'{cfg.filename} has no validation dataset to '
                         'evaluate its teacher on: add a val_dataloader')
    teacher = MODELS.build(hook.teacher_cfg)
    for log in (runner.logger, *runner.logger.handlers):
        log.setLevel('INFO')  # the trials of a diagnosis, which take time
    print(preflight(teacher, runner, num_images, speed=True))


def main() -> None:
    args = parse_args()
    with tempfile.TemporaryDirectory() as folder, \
            one_line_errors(args.traceback):
        args.work_dir = args.work_dir or folder
        cfg = load_config(args)
        cfg.log_level = 'ERROR'
        set_dataloader_defaults(cfg, not args.no_pin_memory)
        check_teacher(cfg, args.images)


if __name__ == '__main__':
    main()
