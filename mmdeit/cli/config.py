"""The arguments of the tools, and what they make of a config."""
import os
import traceback
from argparse import ArgumentParser, Namespace
from pathlib import Path

from mmengine.config import Config, DictAction
from mmengine.hooks import EMAHook
from mmengine.registry import HOOKS, RUNNERS
from mmengine.runner import Runner

from mmdeit.checkpoints import force_weights_only
from mmdeit.hooks import TeacherHook
from mmdeit.registry import resolve
from mmdeit.safe_files import read_safely

from .checks import check_packages
from .classes import name_classes, read_class_files
from .device import adapt_to_device
from .errors import describe
from .keys import check_complete, check_kinds, check_names, check_options
from .launcher import check_launcher
from .num_classes import apply_num_classes, check_parts
from .outputs import check_output

_ENDINGS = ('.py', '.json', '.yaml', '.yml')
_MMENGINE_HOOKS = ('runtime_info', 'timer', 'sampler_seed', 'logger',
                   'param_scheduler', 'checkpoint')

# Here, as a worker that is spawned imports the tool and runs none of it.
read_safely()


class _Options(DictAction):
    """mmengine's, with a message for what is not KEY=VALUE."""

    def __call__(self, parser, namespace, values, option_string=None) -> None:
        for value in values:
            if '=' not in value:
                parser.error(f'{option_string} takes KEY=VALUE, not {value!r}')
        try:
            super().__call__(parser, namespace, values, option_string)
        except Exception as error:  # such as brackets that do not match
            parser.error(f'{option_string} {" ".join(values)}: {error}')


def add_common_arguments(parser: ArgumentParser) -> None:
    """Add the arguments every tool takes, under OpenMMLab's names."""
    parser.add_argument(
        '--work-dir',
        help='folder of logs, checkpoints and metrics; defaults to '
        './work_dirs/NAME_OF_THE_CONFIG')
    parser.add_argument(
        '--amp', action='store_true', help='enable automatic mixed precision')
    parser.add_argument(
        '--no-pin-memory',
        action='store_true',
        help='do not pin the memory of the dataloaders')
    parser.add_argument(
        '--cfg-options',
        nargs='+',
        action=_Options,
        help='override settings of the config, as in '
        'train_dataloader.batch_size=64 or key="[(a,b),(c,d)]" (quoted, '
        'without white space)')
    parser.add_argument(
        '--launcher',
        choices=['none', 'pytorch', 'slurm', 'mpi'],
        default='none',
        help='job launcher; tools/dist_*.sh and tools/slurm_*.sh set it')
    add_traceback_argument(parser)
    parser.add_argument(
        '--local_rank',
        '--local-rank',
        type=int,
        default=0,
        help='set by torch.distributed.launch; not needed with torchrun')


def add_traceback_argument(parser: ArgumentParser) -> None:
    """Add what :func:`mmdeit.cli.end_in_one_line` asks for."""
    parser.add_argument(
        '--traceback',
        action='store_true',
        help='show where in the code an error comes from')


def load_config(args: Namespace) -> Config:
    """Read the config a tool was given, and apply the common arguments."""
    check_launcher(args.launcher)
    os.environ.setdefault('LOCAL_RANK', str(args.local_rank))
    cfg = read_config(args.config)
    if cfg.get('model') is None:
        raise ValueError(f'{args.config} has no model: give a whole config')
    cfg.launcher = args.launcher
    cfg.work_dir = args.work_dir or cfg.get('work_dir') or (
        f'./work_dirs/{Path(args.config).stem}')
    check_parts(cfg)
    _merge_options(cfg, args.cfg_options or {})
    _check_hooks(cfg)
    _choose_loop(cfg.get('train_cfg') or {})
    if not isinstance(cfg.work_dir, str):
        raise ValueError(f'work_dir is {cfg.work_dir!r}: give a folder')
    check_output(cfg.work_dir, '--work-dir', folder=True)
    if args.amp and 'optim_wrapper' in cfg:
        cfg.optim_wrapper.type = 'AmpOptimWrapper'
    check_packages(cfg)
    read_class_files(cfg)
    apply_num_classes(cfg)
    name_classes(cfg)
    return cfg


def read_config(file: str) -> Config:
    """Read a config file, and those it builds on."""
    path = Path(file)
    if not path.is_file():
        raise FileNotFoundError(f'no config at {file}: correct the path')
    if path.suffix not in _ENDINGS:
        raise ValueError(f'{file} is no config: its name must end in '
                         f'{", ".join(_ENDINGS)}')
    try:
        cfg = Config.fromfile(file)
    except RecursionError as error:
        raise ValueError(f'{file}: its _base_ leads back to itself') from error
    except SyntaxError as error:
        # Of the file itself or of one it inherits, which mmengine was reading.
        read = [str(frame.f_locals.get('filename'))
                for frame, _ in traceback.walk_tb(error.__traceback__)]
        *_, last = [file, *(name for name in read if Path(name).is_file())]
        raise ValueError(f'{last}, line {error.lineno}: {error.msg}') from error
    except Exception as error:  # a config is code
        hint = ''
        if 'custom_hooks' in str(error):  # _base_.custom_hooks of 0.1
            hint = (' (teacher, ema and eval_mode are in default_hooks, by '
                    'these names)')
        message = describe(error) + hint
        raise ValueError(message if file in message else
                         f'{file}: {message}') from error
    check_names(cfg, file)
    check_kinds(cfg)
    return cfg


def _merge_options(cfg: Config, options: dict) -> None:
    """Merge --cfg-options; what addresses a setting as in 0.1 is refused."""
    moved = {}
    if not cfg.get('custom_hooks'):  # mmengine would make a dict of it
        moved['custom_hooks.'] = 'default_hooks.teacher, .ema or .eval_mode'
    if 'num_classes' in cfg:  # which would win
        for part in ('model.head', 'data_preprocessor',
                     'model.data_preprocessor'):
            moved[f'{part}.num_classes'] = 'num_classes'
    for key in options:
        for old, new in moved.items():
            if key.startswith(old):
                raise ValueError(f'{key} has moved: write {new} instead')
    check_options(cfg, options)
    cfg.merge_from_dict(options)
    check_kinds(cfg)


def _check_hooks(cfg: Config) -> None:
    """Drop the hooks that are None, and refuse a second one of a kind.

    A config of 0.1 lists the teacher and the average in ``custom_hooks``; the
    recipe that it builds on has them in ``default_hooks``.
    """
    hooks = cfg.get('default_hooks') or {}
    for name in [name for name, hook in hooks.items() if hook is None]:
        if name not in _MMENGINE_HOOKS:  # which switches these off by itself
            del hooks[name]
    scope = cfg.get('default_scope')
    for hook in cfg.get('custom_hooks') or []:
        kind = resolve(HOOKS, hook.get('type'), scope)
        for name, base in (('teacher', TeacherHook), ('ema', EMAHook)):
            if name in hooks and issubclass(kind or object, base):
                raise ValueError(
                    f'custom_hooks has a second {kind.__name__}: write it as '
                    f'default_hooks=dict({name}=dict(_delete_=True, type=...))')


def _choose_loop(train_cfg: dict) -> None:
    """Let ``by_epoch``, in a config upon a recipe, choose among our loops.

    mmengine refuses it beside a type.
    """
    if 'type' in train_cfg and 'by_epoch' in train_cfg:
        by_epoch = train_cfg.pop('by_epoch')
        train_cfg.pop('max_iters' if by_epoch else 'max_epochs', None)
        kind = 'EpochBased' if by_epoch else 'IterBased'
        train_cfg['type'] = f'mmdeit.{kind}TrainLoop'


def _name_compile(cfg: Config) -> None:
    """Let mmengine's ``compile`` mean the backbone of the student, in place.

    See :class:`mmdeit.hooks.CompileHook`, whose arguments it may have.
    """
    options = cfg.pop('compile', None)
    if options is None:
        return
    cfg.default_hooks = cfg.get('default_hooks') or {}
    hooks = cfg.default_hooks
    hooks.pop('compile', None)
    if options is not False:
        arguments = {} if options is True else options
        hooks.compile = dict(type='mmdeit.CompileHook', **arguments)


def set_dataloader_defaults(cfg: Config,
                            pin_memory: bool,
                            persistent_workers: bool = True) -> None:
    """Fill in what the dataloaders of a config do not say, in place.

    Memory is pinned, and workers are kept from one epoch to the next, unless
    the config or the argument says no.
    """
    for name in ('train_dataloader', 'val_dataloader', 'test_dataloader'):
        dataloader = cfg.get(name)
        if dataloader is None:
            continue
        if cfg.get('default_scope') == 'mmpretrain':
            # Stacked in the workers; a detector's images differ in size.
            dataloader.setdefault('collate_fn', dict(type='default_collate'))
        dataloader.setdefault('pin_memory', True)
        dataloader.setdefault('persistent_workers',
                              dataloader.get('num_workers', 0) > 0)
        dataloader.pin_memory &= pin_memory
        dataloader.persistent_workers &= persistent_workers


def build_runner(cfg: Config) -> Runner:
    """Build the Runner of a config, adapted to the machine at hand."""
    check_complete(cfg)
    load_from = cfg.get('load_from') or ''
    path = Path(load_from).expanduser()
    if load_from and '://' not in load_from and not path.is_file():
        raise FileNotFoundError(f'no checkpoint at {path}: correct the path')
    force_weights_only()
    _name_compile(cfg)
    adapt_to_device(cfg)
    if 'runner_type' in cfg:
        return RUNNERS.build(cfg)
    return Runner.from_cfg(cfg)
