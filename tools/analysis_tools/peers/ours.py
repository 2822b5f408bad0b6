"""This project's training: a recipe in mmengine's Runner, on ready batches."""
import copy
from pathlib import Path

from mmengine.config import Config
from mmengine.runner import Runner
from stopwatch_hook import FirstHook, StopwatchHook
from variants import make_configs, switch_off_distillation

from mmdeit.cli import (
    apply_num_classes,
    build_runner,
    find_teacher_hook,
    read_config,
    set_dataloader_defaults,
)
from mmdeit.utils import unwrap_model

from .presets import Preset, Size
from .ready_batches import ReadyLoader, ready_batches
from .turns import Turns, TurnsHook

RECIPE = Path(__file__).parents[3] / 'configs/deit/deit-base-distilled.py'
EPOCH = 4  # batches, whose views recur


def our_config(preset: Preset, student: Size, work_dir: str) -> Config:
    """The recipe of DeiT at the sizes of a comparison.

    Args:
        preset (Preset): The sizes.
        student (Size): That of the student.
        work_dir (str): Takes the logs.
    """
    cfg = read_config(str(RECIPE))
    cfg.work_dir, cfg.launcher, cfg.log_level = work_dir, 'none', 'ERROR'
    cfg.num_classes = preset.classes
    apply_num_classes(cfg)
    cfg.model.backbone.update(
        arch=dict(
            embed_dims=student.width,
            num_layers=student.depth,
            num_heads=student.heads,
            feedforward_channels=4 * student.width),
        img_size=preset.size,
        patch_size=preset.patch)
    cfg.model.head.in_channels = student.width
    teacher = find_teacher_hook(cfg).teacher.model
    teacher.backbone.arch = preset.arch
    teacher.head.update(
        in_channels=preset.features, num_classes=preset.classes)
    cfg.train_dataloader = dict(
        batch_size=preset.batch,
        num_workers=0,
        drop_last=True,
        dataset=dict(
            type='NamedViews', number=EPOCH * preset.batch, size=preset.size),
        sampler=dict(type='DefaultSampler', shuffle=True))
    set_dataloader_defaults(cfg, pin_memory=False)
    return cfg


def our_configs(cfg: Config, iterations: int, cache: str) -> dict[str, Config]:
    """The configs of this project's methods.

    Args:
        cfg (Config): Of :func:`our_config`, with a teacher that can be built.
        iterations (int): To train for.
        cache (str): Folder of the teacher's answers.
    """
    configs = make_configs(copy.deepcopy(cfg), iterations, cache)
    found = {
        'undistilled': configs['without teacher'],
        'ours': configs['with teacher'],
        'ours-cached': configs['from the cache'],
        # the student's backbone; asked for only where it is supported
        'ours-compiled': copy.deepcopy(configs['with teacher']),
    }
    found['ours-compiled'].compile = True
    for one in found.values():
        one.train_cfg.recycle = 1
    return found


def make_runner(cfg: Config, preset: Preset, folder: str | None) -> Runner:
    """Build the Runner of a method.

    Args:
        cfg (Config): Of :func:`our_configs`.
        preset (Preset): The sizes.
        folder (str, optional): Of images; None for random ones.
    """
    runner = build_runner(cfg)
    if find_teacher_hook(cfg) is None:
        switch_off_distillation(unwrap_model(runner.model))
    loop = runner.train_loop
    loop.dataloader = ReadyLoader(loop.dataloader, ready_batches(
        preset.batch, preset.size, preset.classes, folder))
    return runner


def fill_cache(cfg: Config, preset: Preset, folder: str | None) -> None:
    """Train for the epoch whose views recur, with a cache to be filled."""
    cfg.train_cfg.max_iters = EPOCH
    make_runner(cfg, preset, folder).train()


def train_ours(turns: Turns, cfg: Config, preset: Preset,
               folder: str | None) -> list[dict]:
    """Train, and return the stages of the last turn's steps.

    Arguments are those of :func:`make_runner`.
    """
    runner = make_runner(cfg, preset, folder)
    stopwatch = StopwatchHook(turns.iterations - turns.iters)
    for hook in (stopwatch, FirstHook(stopwatch), TurnsHook(turns)):
        runner.register_hook(hook)
    runner.train()
    return stopwatch.steps
