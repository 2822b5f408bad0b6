"""What a study trains and tests: each method with each seed."""
import hashlib
import json
import re
from collections.abc import Sequence
from dataclasses import dataclass

from mmengine.config import ConfigDict

from mmdeit.cli import read_config

TEACHER = 'teacher'
# of a config, what decides a result
_DECISIVE = ('model', 'data_preprocessor', 'train_dataloader',
             'test_dataloader', 'test_evaluator', 'optim_wrapper',
             'param_scheduler', 'train_cfg', 'load_from')
_METHOD = {'config', 'options', 'baseline'}


@dataclass(frozen=True)
class Run:
    """One training of a method, and its test.

    Args:
        method (str): Its name in the study.
        seed (int, optional): None for the teacher, which has its config's.
        config (str): Path of the config.
        options (tuple[str]): Overrides of the config as ``key=value``, with
            the study's placeholders.
        checkpoint (str, optional): Of a teacher that need not be trained.
    """
    method: str
    seed: int | None
    config: str
    options: tuple[str, ...] = ()
    checkpoint: str | None = None

    def __str__(self) -> str:
        seed = '' if self.seed is None else f', seed {self.seed}'
        return self.method + seed

    @property
    def folder(self) -> str:
        """str: In the study's folder, such as ``token-hard/seed0``."""
        name = re.sub(r'\W+', '-', self.method).strip('-')
        return name if self.seed is None else f'{name}/seed{self.seed}'

    @property
    def settings(self) -> str:
        """str: Hash of what decides the result; not of paths and logs."""
        cfg = read_config(self.config).to_dict()
        decisive = [cfg.get(name) for name in _DECISIVE]
        hooks = cfg.get('default_hooks') or {}
        decisive += [hooks.get('teacher'), hooks.get('ema'), self.options]
        text = json.dumps(decisive, sort_keys=True, default=str)
        return hashlib.sha256(text.encode()).hexdigest()[:16]

    def fill_in(self, **places) -> list[str]:
        """Fill in the placeholders of the options, and add the seed."""
        options = [option.format(seed=self.seed, **places)
                   for option in self.options]
        if self.seed is not None:
            options.append(f'randomness.seed={self.seed}')
        return options


@dataclass(frozen=True)
class Study:
    """A study's file, read by :func:`read_study`.

    Args:
        teacher (Run, optional): It comes before all others.
        runs (list[Run]): Seed by seed, so that a study that is not finished
            compares methods with the same seeds.
        baselines (dict[str, str | None]): Of each method, what it is compared
            with.
        prepare (list[str]): Commands of this repository's tools.
    """
    teacher: Run | None
    runs: list[Run]
    baselines: dict[str, str | None]
    prepare: list[str]

    @property
    def all_runs(self) -> list[Run]:
        """list[Run]: The teacher and the runs."""
        return [*([self.teacher] if self.teacher else []), *self.runs]


def read_study(path: str,
               seeds: Sequence[int] | None = None,
               options: Sequence[str] = ()) -> Study:
    """Read a study's file.

    Args:
        path (str): The file; see ``study.py`` for what is in it.
        seeds (Sequence[int], optional): In place of the study's.
        options (Sequence[str]): Overrides for all configs, as ``key=value``.

    Raises:
        FileNotFoundError: If it, or a config, is not there.
        ValueError: If something in it is missing, or has another form.
    """
    cfg = read_config(path)
    methods = cfg.get('methods')
    seeds = seeds or cfg.get('seeds')
    if not methods or not seeds:
        raise ValueError(f'{path} is no study: give methods and seeds, as in '
                         'configs/studies/demo.py')
    if TEACHER in methods:
        raise ValueError(f'{path}: {TEACHER} is no name for a method: give '
                         'another')
    teacher = None
    if TEACHER in cfg:
        teacher = _read_run(path, TEACHER, cfg[TEACHER], None, options)
    runs = [
        _read_run(path, name, method, seed, options) for seed in seeds
        for name, method in methods.items()
    ]
    baselines = {
        name: method.get('baseline', cfg.get('baseline'))
        for name, method in methods.items()
    }
    for name, baseline in baselines.items():
        if baseline not in (None, *methods):
            raise ValueError(f'{path}: {name} is compared with {baseline!r}: '
                             f'choose from {", ".join(methods)}')
    study = Study(teacher, runs, baselines, list(cfg.get('prepare', [])))
    folders = [run.folder for run in study.all_runs]
    for run, folder in zip(study.all_runs, folders):
        read_config(run.config)
        if folders.count(folder) > 1:
            raise ValueError(f'{path}: {run} would share the folder {folder}: '
                             'give each method and seed once, and names that '
                             'differ by letters')
    return study


def _read_run(path: str, name: str, method: ConfigDict, seed: int | None,
              options: Sequence[str]) -> Run:
    allowed = _METHOD | ({'checkpoint'} if name == TEACHER else set())
    if 'config' not in method or set(method) - allowed:
        raise ValueError(f'{path}: {name} has {", ".join(method)}: give its '
                         f'config, and of {", ".join(sorted(allowed))} what '
                         'it needs')
    run = Run(name, seed, method['config'],
              (*method.get('options', ()), *options),
              method.get('checkpoint'))
    try:
        run.fill_in(work_dir='', teacher='')
    except (KeyError, IndexError, ValueError) as error:
        raise ValueError(f'{path}: the options of {name} have {error}: their '
                         'placeholders are {seed}, {work_dir} and {teacher}'
                         ) from error
    return run
