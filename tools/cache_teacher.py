"""Ask the teacher of a config for its answers ahead of the training.

The loader and the teacher run alone, over the views that a training of the
config has, and fill its cache; what is there is neither loaded nor asked. Any
epochs can be filled at a time, on any machine, by any number of processes that
the training could have, too. A training whose answers are all there builds no
teacher.
"""
import argparse
import re
import tempfile
import time
from datetime import timedelta
from pathlib import Path

import torch
from mmengine.config import Config
from mmengine.dist import all_reduce, broadcast_object_list, is_main_process
from mmengine.runner import Runner

from mmdeit.cache import TeacherCache, check_cache, read_index
from mmdeit.cache.fill import ask_passes, missing_passes, write
from mmdeit.cache.info import ranges, show
from mmdeit.cli import (
    add_common_arguments,
    build_runner,
    check_data,
    check_output,
    check_schedule,
    check_training,
    end_in_one_line,
    find_teacher_hook,
    load_config,
    set_dataloader_defaults,
)
from mmdeit.cli.signals import LastWords
from mmdeit.hooks import TeacherHook
from mmdeit.loops.passes import TrainLoop, check_loop, num_epochs, num_views


def epoch_ranges(text: str) -> list[int]:
    """Read ``0,3,5-9``."""
    epochs: set[int] = set()
    for part in text.split(','):
        found = re.fullmatch(r' *(\d+)(?:-(\d+))? *', part, re.ASCII)
        if not found:
            raise argparse.ArgumentTypeError(
                f"{text!r}: give epochs as in '7', '0-49' or '0,3,5-9'")
        first, last = found[1], found[2] or found[1]
        if int(last) < int(first):
            raise argparse.ArgumentTypeError(
                f'{part} runs backwards: give {last}-{first}')
        epochs.update(range(int(first), int(last) + 1))
    return sorted(epochs)


def whole(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f'{text!r}: give a number from 1')
    return int(text)


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('config', help='train config file with a TeacherHook')
    parser.add_argument(
        '--epochs',
        type=epoch_ranges,
        metavar='0,3,5-9',
        help='epochs, counted from 0; defaults to all of the training or, with '
        'train_cfg.recycle, those that recur')
    parser.add_argument(
        '--cache',
        metavar='DIR',
        help='folder of the cache; defaults to default_hooks.teacher.cache')
    parser.add_argument(
        '--top-k',
        type=whole,
        metavar='K',
        help='how many probabilities of each answer a new cache of soft '
        'labels keeps; defaults to what the config says, or 10')
    modes = parser.add_mutually_exclusive_group()
    modes.add_argument(
        '--info', action='store_true', help='show what is there, ask nothing')
    modes.add_argument(
        '--check',
        type=whole,
        nargs='?',
        const=512,
        metavar='N',
        help='ask the teacher again for about N views that are there (without '
        'a number: 512); the exit status is 1 if too few agree')
    add_common_arguments(parser)
    args = parser.parse_args()
    if args.launcher != 'none' and (args.info or args.check):
        parser.error('--info and --check run in one process: leave out '
                     '--launcher')
    return args


def choose_cache(cfg: Config, args: argparse.Namespace) -> Path:
    """Write the cache into the config; its folder."""
    hook = find_teacher_hook(cfg)
    if hook is None:
        raise ValueError(f'{args.config} has no teacher: add default_hooks.'
                         "teacher=dict(type='mmdeit.TeacherHook', ...)")
    cache = hook.get('cache') or {}
    cache = dict(folder=cache) if isinstance(cache, str) else dict(cache)
    if args.cache:
        cache['folder'] = args.cache
    if args.top_k:
        cache['top_k'] = args.top_k
    if not cache.get('folder'):
        raise ValueError(f'{args.config} has no cache: give --cache DIR')
    hook['cache'] = cache
    folder = Path(cache['folder']).expanduser()
    saved = read_index(folder)
    if not saved and (args.info or args.check):
        raise FileNotFoundError(f'there is no cache in {folder}: correct the '
                                'folder, or fill it without --info or --check')
    if saved and args.top_k and saved['kind'] != f'top-{args.top_k}':
        raise ValueError(f'--top-k is {args.top_k}, and the cache {folder} has '
                         f'{saved["kind"]}: leave --top-k out, or give another '
                         '--cache')
    return folder


def prepare(cfg: Config) -> tuple[Runner, TeacherHook]:
    """Build the Runner of a config, and find its hook."""
    if not cfg.get('train_dataloader'):
        raise ValueError(f'{cfg.filename} has no train_dataloader: give the '
                         'config of a training')
    for name in ('dataloader', 'cfg', 'evaluator'):
        cfg[f'test_{name}'] = None
    cfg.load_from, cfg.resume, cfg.log_level = None, False, 'ERROR'
    check_schedule(cfg)
    check_data(cfg, 'train_dataloader', 'val_dataloader')
    runner = build_runner(cfg)
    check_loop(runner)
    check_training(runner)
    if is_main_process():  # what is said of the teacher
        for log in (runner.logger, *runner.logger.handlers):
            log.setLevel('INFO')
    return runner, next(
        hook for hook in runner.hooks if isinstance(hook, TeacherHook))


def choose_epochs(loop: TrainLoop, given: list[int] | None) -> list[int]:
    """Those given, or all.

    Raises:
        ValueError: If the training ends before.
    """
    count = num_epochs(loop)
    why = ''
    if loop.recycle and loop.recycle < count:
        count, why = loop.recycle, ', as train_cfg.recycle says'
    if given and given[-1] >= count:
        raise ValueError(f'--epochs has {given[-1]}: the last one of the '
                         f'training, counted from 0, is {count - 1}{why}')
    return given or [*range(count)]


def fill(runner: Runner, hook: TeacherHook, epochs: list[int],
         last: LastWords) -> None:
    """Ask for what is not known of some epochs, and write it."""
    loop, cache = runner.train_loop, hook.cache
    if not cache.writes:
        raise OSError(f'{cache} cannot be written: make it writable, or give '
                      'another --cache')
    # The same in all processes, as other machines may write meanwhile.
    found = [{epoch: cache.files.count(epoch, num_views(loop, epoch))
              for epoch in epochs}]
    broadcast_object_list(found)
    missing = {epoch: missing_passes(cache.files, loop, epoch)
               for epoch, count in found[0].items()
               if count < num_views(loop, epoch)}
    if not missing:
        say(f'{cache} has all answers of {ranges(epochs)}')
        return
    hook.build_teacher(runner)
    if agreement := check_cache(cache, runner):
        runner.logger.info(agreement)
    hook.attach(runner)
    last.describe = lambda: stopped(cache)
    start = time.monotonic()
    everywhere = torch.tensor(ask_passes(runner, cache, missing))
    all_reduce(everywhere)  # which waits until all have written
    seconds = time.monotonic() - start
    say(f'Asked for {int(everywhere):,} views in '
        f'{timedelta(seconds=round(seconds))}: '
        f'{int(everywhere) / seconds:,.0f} images per second')
    lacking = sum(num_views(loop, epoch) - cache.files.count(
        epoch, num_views(loop, epoch)) for epoch in epochs)
    say(f'{cache} has all answers of {ranges(epochs)}' if not lacking else
        f'{lacking:,} views have no answer that is finite: a training asks '
        'for them again')


def stopped(cache: TeacherCache) -> str:
    """Write what was asked before the tool ends."""
    write(cache)
    return f'what was asked is in {cache}: the same command goes on'


def say(text: str) -> None:
    if is_main_process():
        print(text)


def main() -> None:
    args = parse_args()
    with tempfile.TemporaryDirectory() as work_dir, \
            end_in_one_line(args) as last:
        args.work_dir = work_dir  # nothing of a training is left behind
        cfg = load_config(args)
        set_dataloader_defaults(cfg, not args.no_pin_memory)
        folder = choose_cache(cfg, args)
        if args.info:
            show(folder, args.epochs)
        elif not args.check:
            check_output(folder, '--cache', folder=True)
        runner, hook = prepare(cfg)
        epochs = choose_epochs(runner.train_loop, args.epochs)
        if args.info:
            try:
                hook.open_cache(runner)
                print(f'it is for {args.config}')
            except ValueError as error:
                print(error)
            return
        hook.open_cache(runner)
        if args.check:
            hook.build_teacher(runner)
            print(check_cache(hook.cache, runner, args.check, epochs)
                  or f'{folder} has no answers to check')
            return
        fill(runner, hook, epochs, last)


if __name__ == '__main__':
    main()
