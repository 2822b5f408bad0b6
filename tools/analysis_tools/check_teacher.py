"""Check the teacher of a config without training anything.

It does what training does before its first iteration: set the teacher up for
the student, choose the fastest execution the config allows, and evaluate it on
validation images with its own preprocessing. If training would refuse the
teacher, it prints a one-line error and ends with exit code 1.
"""
import argparse
import tempfile

from mmengine.config import Config
from mmengine.registry import MODELS

from mmdeit.cli import (
    add_common_arguments,
    build_runner,
    check_data,
    check_datasets,
    end_in_one_line,
    load_config,
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
        help='number of images to evaluate on, spread over the validation '
        'dataset; all of them if it has fewer (default: 512)')
    add_common_arguments(parser)
    args = parser.parse_args()
    if args.images < 1:
        parser.error(f'--images is {args.images}: at least one is needed')
    if args.launcher != 'none':
        parser.error('runs in one process: leave out --launcher')
    return args


def check_teacher(cfg: Config, num_images: int) -> None:
    """Check the teacher of a config and print the results.

    Args:
        cfg (Config): The training config.
        num_images (int): Number of validation images to evaluate on.

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
    check_datasets(
        dict(train_dataloader=runner.train_dataloader.dataset,
             val_dataloader=runner.val_loop.dataloader.dataset), runner.model)
    teacher = MODELS.build(hook.teacher_cfg)
    for log in (runner.logger, *runner.logger.handlers):
        log.setLevel('INFO')  # show the trials of a slow diagnosis
    print(preflight(teacher, runner, num_images, speed=True))


def main() -> None:
    args = parse_args()
    with tempfile.TemporaryDirectory() as folder, \
            end_in_one_line(args):
        args.work_dir = args.work_dir or folder
        cfg = load_config(args)
        cfg.log_level = 'ERROR'
        set_dataloader_defaults(cfg, not args.no_pin_memory)
        check_teacher(cfg, args.images)


if __name__ == '__main__':
    main()
