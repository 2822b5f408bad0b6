"""Train a model."""
import argparse

from mmengine.config import Config

from mmdeit.cli import (
    add_common_arguments,
    build_runner,
    check_data,
    check_same_resume,
    check_schedule,
    check_training,
    check_validation,
    end_in_one_line,
    load_config,
    lock_work_dir,
    name_full_disk,
    progress,
    set_dataloader_defaults,
    set_resume,
)


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description='Train a model')
    parser.add_argument('config', help='train config file path')
    parser.add_argument(
        '--resume',
        nargs='?',
        const='auto',
        help='resume from this checkpoint or, without a value, from the '
        'newest whole one in the work directory')
    parser.add_argument(
        '--no-validate',
        action='store_true',
        help='do not evaluate during training')
    parser.add_argument(
        '--auto-scale-lr',
        action='store_true',
        help='scale the learning rate from auto_scale_lr.base_batch_size to '
        'the actual batch size')
    parser.add_argument(
        '--no-persistent-workers',
        action='store_true',
        help='restart the dataloader workers in each epoch')
    parser.add_argument(
        '--compile',
        action='store_true',
        help="compile the student's backbone")
    add_common_arguments(parser)
    return parser.parse_args()


def merge_args(cfg: Config, args: argparse.Namespace) -> None:
    """Apply the training arguments to the config, in place."""
    if args.no_validate:
        cfg.val_cfg = cfg.val_dataloader = cfg.val_evaluator = None
    if args.auto_scale_lr:
        if 'base_batch_size' not in (cfg.get('auto_scale_lr') or {}):
            raise ValueError(f'{args.config} does not say which batch size its '
                             'learning rate is for: add auto_scale_lr = '
                             'dict(base_batch_size=...)')
        cfg.auto_scale_lr.enable = True
    if args.compile:
        cfg.compile = cfg.get('compile') or True
    set_dataloader_defaults(cfg, not args.no_pin_memory,
                            not args.no_persistent_workers)


def main() -> None:
    args = parse_args()
    with end_in_one_line(args) as last:
        cfg = load_config(args)
        with name_full_disk(cfg.work_dir), lock_work_dir(cfg):
            merge_args(cfg, args)
            check_schedule(cfg)
            set_resume(cfg, args.resume)
            check_data(cfg, 'train_dataloader', 'val_dataloader')
            runner = build_runner(cfg)
            last.describe = lambda: progress(runner)
            check_same_resume(runner)
            check_training(runner)
            check_validation(runner)
            runner.train()


if __name__ == '__main__':
    main()
