"""What the tools share."""
import json
import os
from argparse import ArgumentParser, Namespace
from importlib import import_module
from pathlib import Path

from mmengine.config import Config, DictAction
from mmengine.registry import RUNNERS
from mmengine.runner import Runner

from mmdeit.checkpoint import load_safely
from mmdeit.datasets.image_list import check_image_list
from mmdeit.environment import adapt_to_device

# scope: the release that is tested
_DENSE = {'mmdet': 'mmdet==3.3.0', 'mmseg': 'mmsegmentation==1.2.2'}


def add_common_arguments(parser: ArgumentParser) -> None:
    """Add the arguments every tool takes, under OpenMMLab's names.

    Args:
        parser (ArgumentParser): Changed in place.
    """
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
        action=DictAction,
        help='override settings of the config, as in '
        'train_dataloader.batch_size=64 or key="[(a,b),(c,d)]" (quoted, '
        'without white space)')
    parser.add_argument(
        '--launcher',
        choices=['none', 'pytorch', 'slurm', 'mpi'],
        default='none',
        help='job launcher; tools/dist_*.sh and tools/slurm_*.sh set it')
    # Passed by torch.distributed.launch; torchrun sets the variable instead.
    parser.add_argument('--local_rank', '--local-rank', type=int, default=0)


def load_config(args: Namespace) -> Config:
    """Read the config a tool was given and apply the common arguments.

    Args:
        args (Namespace): ``config`` and those of
            :func:`add_common_arguments`.

    Returns:
        Config: The config, with ``work_dir`` and ``launcher`` set.
    """
    os.environ.setdefault('LOCAL_RANK', str(args.local_rank))
    cfg = Config.fromfile(args.config)
    cfg.launcher = args.launcher
    if args.work_dir is not None:
        cfg.work_dir = args.work_dir
    elif cfg.get('work_dir') is None:
        cfg.work_dir = f'./work_dirs/{Path(args.config).stem}'
    if args.cfg_options is not None:
        cfg.merge_from_dict(args.cfg_options)
    return cfg


def set_dataloader_defaults(cfg: Config,
                            pin_memory: bool,
                            persistent_workers: bool = True) -> None:
    """Fill in what the dataloaders of a config do not say, in place.

    Batches of mmpretrain are stacked in the workers (``default_collate``); a
    detector's images differ in size.

    Args:
        cfg (Config): The config.
        pin_memory (bool): Whether to pin memory.
        persistent_workers (bool): Whether to keep the workers, if any, from
            one epoch to the next. Defaults to True.
    """
    for name in ('train_dataloader', 'val_dataloader', 'test_dataloader'):
        dataloader = cfg.get(name)
        if dataloader is not None:
            if cfg.get('default_scope') == 'mmpretrain':
                dataloader.setdefault('collate_fn',
                                      dict(type='default_collate'))
            dataloader.setdefault('pin_memory', pin_memory)
            dataloader.setdefault(
                'persistent_workers', persistent_workers
                and dataloader.get('num_workers', 0) > 0)


def check_data(cfg: Config, *dataloaders: str) -> None:
    """Check that the data is there, before anything is built.

    Args:
        cfg (Config): The config.
        *dataloaders (str): The dataloaders to be used.

    Raises:
        FileNotFoundError: If a dataset's folder on the disk is missing or
            empty.
        ValueError: If a list of images leads out of it.
    """
    for name in dataloaders:
        dataset = (cfg.get(name) or {}).get('dataset', {})
        root = dataset.get('data_root')
        if not root or '://' in root:
            continue
        folder = Path(root).expanduser()
        if dataset.get('type') == 'ImageNet':
            folder /= dataset.get('split', '')
        if not folder.is_dir() or not any(folder.iterdir()):
            raise FileNotFoundError(
                f'{name}: no data in {folder}: put {dataset.type} there (the '
                'first lines of the config may tell how), or set '
                f'--cfg-options {name}.dataset.data_root=FOLDER')
        ann_file = Path(root).expanduser() / (
            dataset.get('ann_file') or f'meta/{dataset.get("split")}.txt')
        if ann_file.suffix == '.txt' and ann_file.is_file():
            check_image_list(str(ann_file), str(folder))


def check_packages(cfg: Config) -> None:
    """Check that what a detector or a segmentor stands on is there.

    Args:
        cfg (Config): The config; its ``default_scope`` says which it is.

    Raises:
        ImportError: If mmdet, mmseg or the compiled ops of mmcv are missing.
    """
    scope = cfg.get('default_scope')
    if scope not in _DENSE:
        return
    for module, fix in (
        (scope, f"pip install '{_DENSE[scope]}'"),
        ('mmcv.ops', "mmcv-lite has none: pip uninstall -y mmcv-lite && pip "
         "install 'mmdeit[mmcv]'")):
        try:
            import_module(module)
        except ImportError as error:
            raise ImportError(f"default_scope '{scope}' needs {module} "
                              f'({error}): {fix}') from error


def build_runner(cfg: Config) -> Runner:
    """Build the Runner of a config for the machine at hand.

    Args:
        cfg (Config): The config; see
            :func:`mmdeit.environment.adapt_to_device` for what changes.

    Returns:
        Runner: Ready to train or test.
    """
    check_packages(cfg)
    load_safely()
    adapt_to_device(cfg)
    if 'runner_type' in cfg:
        return RUNNERS.build(cfg)
    return Runner.from_cfg(cfg)


def read_scalars(work_dir: Path, name: str) -> tuple:
    """Read a curve from the logs of a training.

    Args:
        work_dir (Path): Its work directory; a resumed one has several logs.
        name (str): Name of a logged scalar.

    Returns:
        tuple[list, list]: Steps and values.
    """
    curve = {}
    for log in sorted(work_dir.glob('*/vis_data/scalars.json')):
        for line in log.read_text().splitlines():
            scalars = json.loads(line)
            if name in scalars:
                curve[scalars['step']] = scalars[name]
    return list(curve), list(curve.values())
