"""Save a picture of views of a training, as the student sees them.

They are augmented, erased and mixed with the random numbers that a training of
the config has in that epoch at these positions, on any number of GPUs: nothing
has to run until there, and nothing is trained. Below each view stand its
position, its image, its label or, where it is mixed, the share of each label,
and the teacher's answer to the mixed image: green where it is one of the
labels, red where it is not.
"""
import argparse
import tempfile
from pathlib import Path

from matplotlib.figure import Figure
from mmengine.config import Config
from mmengine.runner import Runner
from mmpretrain.models import ClsDataPreprocessor
from seen_views import look, packs_bgr
from views_picture import draw

from mmdeit.cache import read_index
from mmdeit.checkpoints import load_checkpoint
from mmdeit.class_names import classes_of
from mmdeit.cli import (
    add_common_arguments,
    build_runner,
    check_data,
    check_output,
    check_schedule,
    check_training,
    end_in_one_line,
    load_config,
    set_dataloader_defaults,
)
from mmdeit.hooks import TeacherHook
from mmdeit.loops.passes import (
    TrainLoop,
    check_loop,
    find_passes,
    num_epochs,
    num_views,
    view_seed,
)
from mmdeit.loops.view_loop import SEED, common_seed
from mmdeit.utils import unwrap_model

MOST = 1024  # higher pictures no JPEG can have


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('config', help='train config file path')
    parser.add_argument(
        '--epoch',
        type=int,
        default=0,
        help='epoch, counted from 0: the log calls it one more (default: 0)')
    parser.add_argument(
        '--position',
        type=int,
        default=0,
        help='first view, by its place in the order of the epoch over all '
        'GPUs, counted from 0: iteration i of an epoch, counted from 0, '
        'begins at i times the batch of all GPUs (default: 0)')
    parser.add_argument(
        '--number',
        '-n',
        type=int,
        default=16,
        help='number of views; fewer if the epoch ends before (default: 16)')
    parser.add_argument(
        '--out',
        type=Path,
        help='the picture, by its ending .jpg, .png, .pdf, ...; defaults to '
        'views_epoch3_position1000.jpg in the work directory')
    seeds = parser.add_mutually_exclusive_group()
    seeds.add_argument(
        '--seed',
        type=int,
        help='seed of the training; defaults to randomness.seed of the config')
    seeds.add_argument(
        '--checkpoint',
        help='checkpoint of the training, to take its seed from; nothing else '
        'in it is used')
    parser.add_argument(
        '--auto-scale-lr',
        type=int,
        nargs='?',
        const=1,
        metavar='GPUS',
        help='show a training with --auto-scale-lr on so many GPUs (without a '
        'number: 1), whose batch is theirs; also where the config has no '
        'auto_scale_lr')
    parser.add_argument(
        '--no-teacher',
        action='store_true',
        help='do not build and ask the teacher')
    parser.add_argument(
        '--channel-order',
        '-c',
        choices=['BGR', 'RGB'],
        help='order of the channels that the pipeline packs; defaults to BGR '
        'where it loads files or the data preprocessor reverses them, else '
        'RGB')
    add_common_arguments(parser)
    args = parser.parse_args()
    for least, options in enumerate((('epoch', 'position', 'seed'),
                                     ('number', 'auto_scale_lr'))):
        for option in options:
            value = getattr(args, option)
            if value is not None and value < least:
                parser.error(f'--{option.replace("_", "-")} is {value}: give '
                             f'a number from {least}')
    if args.number > MOST:
        parser.error(f'--number is {args.number}: a picture has {MOST} at most')
    if args.launcher != 'none':
        parser.error('runs in one process, and shows the views of any number: '
                     'leave out --launcher')
    return args


def check_picture(path: Path) -> None:
    """Check that a picture can be written there.

    Raises:
        ValueError: If its ending is that of no image.
        OSError: If nothing can be written there.
    """
    if path.suffix.lower()[1:] not in Figure().canvas.get_supported_filetypes():
        raise ValueError(f'--out {path} is no image by its name: end it in '
                         '.jpg, .png or .pdf')
    check_output(path, '--out')


def choose_seed(cfg: Config, seed: int | None, checkpoint: str | None) -> None:
    """Write the seed of the training into its config, and say a made-up one.

    Raises:
        ValueError: If the checkpoint does not say its seed.
    """
    if checkpoint:
        saved = load_checkpoint(checkpoint, mmap=True, finite=False)
        hub = saved.get('message_hub') or {}
        seed = (hub.get('runtime_info') or {}).get(
            SEED, (saved.get('meta') or {}).get('seed'))
        if seed is None:
            raise ValueError(f'{checkpoint} does not say the seed of its '
                             'training: give --seed, which its log says')
    randomness = dict(cfg.get('randomness') or {})
    if seed is None and randomness.get('seed') is None:
        seed = 0
        print('The config has no randomness.seed, so that each training draws '
              'its own: these are the views of seed 0. For those of a training '
              'give --checkpoint, or its seed as --seed.')
    if seed is not None:
        randomness['seed'] = seed
    cfg.randomness = randomness


def prepare(cfg: Config) -> Runner:
    """Build the Runner of a config, for its training data alone.

    Raises:
        ValueError: If it has none, or no views of a classifier.
    """
    if not cfg.get('train_dataloader'):
        raise ValueError(f'{cfg.filename} has no train_dataloader: give the '
                         'config of a training')
    for part in ('val', 'test'):
        for name in ('dataloader', 'cfg', 'evaluator'):
            cfg[f'{part}_{name}'] = None
    cfg.load_from, cfg.resume, cfg.log_level = None, False, 'ERROR'
    check_schedule(cfg)
    check_data(cfg, 'train_dataloader')
    runner = build_runner(cfg)
    check_loop(runner)
    model = unwrap_model(runner.model)
    if not isinstance(
            getattr(model, 'data_preprocessor', None), ClsDataPreprocessor):
        raise ValueError(f'{cfg.filename} trains no classifier of mmpretrain: '
                         "take browse_dataset.py of its own project")
    check_training(runner)
    return runner


def last_position(loop: TrainLoop, epoch: int) -> int:
    """The last position of an epoch.

    Raises:
        ValueError: If the training ends before the epoch.
    """
    last = num_epochs(loop) - 1
    if epoch > last:
        raise ValueError(f'--epoch is {epoch}: the last one of the training, '
                         f'counted from 0, is {last}')
    return num_views(loop, epoch) - 1


def answer(hook: TeacherHook, runner: Runner, asks: bool) -> None:
    """Attach the teacher, or the cache that there is; it may say the seed."""
    hook.preflight = 0
    folder = (hook.cache_cfg or {}).get('folder')
    if not folder or not read_index(Path(folder).expanduser()):
        hook.cache_cfg = None  # a new one would be left behind
    if asks:
        hook.before_train(runner)
    elif runner.train_loop.seed is None:
        hook.open_cache(runner)


def browse(cfg: Config, args: argparse.Namespace, out: Path) -> None:
    """Draw the views of a config that the arguments ask for."""
    runner = prepare(cfg)
    loop, model = runner.train_loop, unwrap_model(runner.model)
    last = last_position(loop, args.epoch)
    if args.position > last:
        raise ValueError(f'--position is {args.position}: the last one of '
                         f'epoch {args.epoch} is {last}')
    runner.optim_wrapper = runner.build_optim_wrapper(runner.optim_wrapper)
    hook = next((h for h in runner.hooks if isinstance(h, TeacherHook)), None)
    if args.seed is not None or args.checkpoint:
        loop.seed = common_seed(runner)
    if hook:
        answer(hook, runner, not args.no_teacher)
    positions = range(args.position,
                      min(args.position + args.number, last + 1))
    epoch = args.epoch % loop.recycle if loop.recycle else args.epoch
    passes = find_passes(loop, epoch, positions)
    dataset = loop.dataloader.dataset
    reverses = model.data_preprocessor.to_rgb
    order = args.channel_order or (
        'BGR' if reverses or packs_bgr(dataset) else 'RGB')
    swap = (order == 'BGR') != reverses
    views = look(runner, passes, positions, swap)
    where = (f'epoch {args.epoch}, views {positions[0]} to {positions[-1]} of '
             f'{last + 1:,}, seed {view_seed(loop)}')
    out.parent.mkdir(parents=True, exist_ok=True)
    title = f'{Path(cfg.filename).stem}\n{where}'
    draw(views, classes_of(dataset), title, out)
    print(f'Written: {out} ({where})')


def main() -> None:
    args = parse_args()
    with tempfile.TemporaryDirectory() as folder, end_in_one_line(args):
        cfg = load_config(args)
        out = args.out or Path(
            cfg.work_dir,
            f'views_epoch{args.epoch}_position{args.position}.jpg')
        check_picture(out)
        choose_seed(cfg, args.seed, args.checkpoint)
        set_dataloader_defaults(cfg, not args.no_pin_memory)
        if args.auto_scale_lr and cfg.get('train_dataloader'):
            views = args.auto_scale_lr * cfg.train_dataloader.batch_size
            cfg.auto_scale_lr = dict(base_batch_size=views)
        cfg.work_dir = folder  # nothing of a training is left behind
        browse(cfg, args, out)


if __name__ == '__main__':
    main()
