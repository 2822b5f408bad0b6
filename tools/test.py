"""Test (and evaluate) a model."""
import argparse
from copy import deepcopy
from pathlib import Path

import mmengine
from mmengine.config import Config, ConfigDict
from mmengine.evaluator import DumpResults

from mmdeit.cli import (
    add_common_arguments,
    build_runner,
    check_data,
    check_datasets,
    check_output,
    end_in_one_line,
    load_config,
    set_dataloader_defaults,
)

# File formats that mmengine can write.
SUFFIXES = dict(
    metrics=('.json', '.yml', '.yaml', '.pkl'), pred=('.pkl', '.pickle'))


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description='Test a model: top-1 and top-5 of the joint prediction '
        'and of each head, if the config uses mmdeit.HeadsAccuracy')
    parser.add_argument('config', help='test config file path')
    parser.add_argument('checkpoint', help='checkpoint file')
    parser.add_argument('--out', help='file to write the results to')
    parser.add_argument(
        '--out-item',
        choices=['metrics', 'pred'],
        default='pred',
        help='what to write to --out; defaults to the predictions')
    parser.add_argument(
        '--show-dir', help='folder to save visualized predictions in')
    parser.add_argument(
        '--show', action='store_true', help='show predictions in a window')
    parser.add_argument(
        '--interval', type=int, default=1, help='visualize every n-th image')
    parser.add_argument(
        '--wait-time',
        type=float,
        default=2,
        help='seconds each window stays open')
    parser.add_argument(
        '--tta',
        action='store_true',
        help='average over test-time augmentation: tta_model and '
        'tta_pipeline of the config, or the image and its mirror image')
    add_common_arguments(parser)
    args = parser.parse_args()
    if args.interval < 1:
        parser.error(f'--interval is {args.interval}: give a number from 1')
    if args.tta and (args.show or args.show_dir is not None):
        parser.error('--tta makes several views of each image: leave it out to '
                     'show predictions')
    suffixes = SUFFIXES[args.out_item]
    if args.out is not None and Path(args.out).suffix not in suffixes:
        parser.error(f'--out {args.out}: for --out-item {args.out_item} give '
                     f'a name ending in {" or ".join(suffixes)}')
    return args


def merge_args(cfg: Config, args: argparse.Namespace) -> None:
    """Apply the test arguments to the config, in place."""
    cfg.load_from = args.checkpoint
    if args.amp:
        cfg.test_cfg.fp16 = True
    if args.show or args.show_dir is not None:
        merge_visualization(cfg, args)
    if args.tta:
        merge_tta(cfg)
    set_dataloader_defaults(cfg, not args.no_pin_memory)


def merge_visualization(cfg: Config, args: argparse.Namespace) -> None:
    """Draw predictions with the hook of mmpretrain, mmdet or mmseg."""
    scope = cfg.get('default_scope')
    folder = args.show_dir and str(Path(args.show_dir).resolve())
    hook = dict(
        show=args.show, interval=args.interval, wait_time=args.wait_time)
    if scope == 'mmdet':
        hook.update(
            type='DetVisualizationHook', draw=True, test_out_dir=folder)
    elif scope == 'mmseg':
        hook.update(type='SegVisualizationHook', draw=True)
        if folder:
            cfg.visualizer.update(
                save_dir=folder, vis_backends=[dict(type='LocalVisBackend')])
    else:
        hook.update(type='VisualizationHook', enable=True, out_dir=folder)
        cfg.setdefault('visualizer', dict(type='UniversalVisualizer'))
    cfg.default_hooks.visualization = hook


def merge_tta(cfg: Config) -> None:
    """Set up the model and the pipeline for test-time augmentation.

    Raises:
        ValueError: If the config is not a classifier's and has no
            ``tta_model``.
    """
    if cfg.get('default_scope') != 'mmpretrain' and 'tta_model' not in cfg:
        raise ValueError('--tta needs tta_model and tta_pipeline in the config '
                         'of a detector or segmentor: see the docs of '
                         f'{cfg.default_scope}')
    dataset = cfg.test_dataloader.dataset
    if 'tta_pipeline' not in cfg:
        *transforms, pack = deepcopy(dataset.pipeline)
        flips = [dict(type='RandomFlip', prob=prob) for prob in (1., 0.)]
        cfg.tta_pipeline = [
            *transforms,
            dict(type='TestTimeAug', transforms=[flips, [pack]])
        ]
    tta_model = cfg.get('tta_model', dict(type='mmdeit.AverageHeadsTTA'))
    cfg.model = ConfigDict(**tta_model, module=cfg.model)
    dataset.pipeline = cfg.tta_pipeline


def main() -> None:
    args = parse_args()
    with end_in_one_line(args):
        cfg = load_config(args)
        if args.out:
            check_output(args.out, '--out')
        if args.show_dir:
            check_output(args.show_dir, '--show-dir', folder=True)
        merge_args(cfg, args)
        check_data(cfg, 'test_dataloader')
        runner = build_runner(cfg)
        check_datasets(
            dict(test_dataloader=runner.test_loop.dataloader.dataset),
            runner.model, labelled=bool(runner.test_evaluator.metrics))
        if args.out and args.out_item == 'pred':
            runner.test_evaluator.metrics.append(
                DumpResults(out_file_path=args.out))
        metrics = runner.test()
        if args.out and args.out_item == 'metrics':
            mmengine.dump(metrics, args.out)


if __name__ == '__main__':
    main()
