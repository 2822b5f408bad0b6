"""Settings that nothing reads, by the name that was likely meant.

A config may hold any variable, so mmengine takes ``load_form`` for one.
"""
import inspect
import re
from collections.abc import Iterable, Iterator
from typing import Any

from mmengine.config import Config
from mmengine.runner import Runner

from mmdeit.class_names import nearest

# What mmengine, OpenMMLab's tools and those of this project read at the top
# level of a config.
KNOWN = {
    *inspect.signature(Runner).parameters, 'activation_checkpointing',
    'auto_scale_lr', 'compile', 'custom_imports', 'efficient_conv_bn_eval',
    'find_unused_parameters', 'model_wrapper_cfg', 'num_classes',
    'runner_type', 'strategy', 'sync_bn', 'tta_model', 'tta_pipeline'
} - {'cfg'}
# A variable in nearly every config, which one that mmengine has dumped, with
# all values written out, does not use.
_VARIABLES = {'test_pipeline'}

# What the settings have to be, in a word; any may be None.
_KINDS = {
    'a dict': (dict, {
        'auto_scale_lr', 'custom_imports', 'data_preprocessor',
        'default_hooks', 'env_cfg', 'log_processor', 'model', 'optim_wrapper',
        'randomness', 'test_cfg', 'test_dataloader', 'train_cfg',
        'train_dataloader', 'tta_model', 'val_cfg', 'val_dataloader',
        'visualizer'
    }),
    'a list': ((list, tuple), {'custom_hooks', 'tta_pipeline'}),
    'a dict or a list': ((dict, list, tuple), {
        'param_scheduler', 'test_evaluator', 'val_evaluator'
    }),
    'True, False or a dict': ((bool, dict), {'compile'}),
    'text': (str, {'default_scope', 'experiment_name', 'load_from'})
}


def check_kinds(cfg: Config) -> None:
    """Check that what mmengine reads has the type that it takes it for.

    Raises:
        ValueError: With the setting and what it is.
    """
    for kind, (types, names) in _KINDS.items():
        for name in names & set(cfg):
            if cfg[name] is not None and not isinstance(cfg[name], types):
                raise ValueError(f'{name} is {cfg[name]!r:.100}: give {kind}')


def check_names(cfg: Config, file: str) -> None:
    """Check that no setting of a config is nearly one that is read.

    A variable, such as ``test_pipeline``, is used in the config itself.
    """
    used = re.sub('#.*', '', cfg.text)
    for name in cfg:
        if name in KNOWN | _VARIABLES:
            continue
        near = nearest(name, KNOWN, 0.86)
        if near and len(re.findall(rf'\b{name}\b', used)) < 2:
            raise ValueError(f'{file} sets {name}, which nothing reads: did '
                             f'you mean {near}?')


def check_complete(cfg: Config) -> None:
    """Check that training, validation and testing are there as a whole."""
    for loop, last in (('train', 'optim_wrapper'), ('val', 'val_evaluator'),
                       ('test', 'test_evaluator')):
        parts = [f'{loop}_dataloader', f'{loop}_cfg', last]
        there = [name for name in parts if cfg.get(name) is not None]
        if there and len(there) < len(parts):
            missing = [name for name in parts if name not in there]
            raise ValueError(f'the config has {" and ".join(there)}, but no '
                             f'{" and ".join(missing)}')


def check_options(cfg: Config, options: Iterable[str]) -> None:
    """Check that options address what a config has, or what is read.

    What resembles no setting beside it may be new, and is seen by the part
    that it is for.

    Args:
        cfg (Config): Before they are merged into it.
        options (Iterable[str]): Such as ``'train_dataloader.batch_size'``.
    """
    for option in options:
        part: Any = dict(cfg.items())
        names = option.split('.')
        for i, name in enumerate(names):
            path = '.'.join(names[:i])
            if isinstance(part, (list, tuple)):
                if not name.isdecimal() or int(name) >= len(part):
                    raise ValueError(f'--cfg-options {option}: {path} is a '
                                     f'list, with the numbers 0 to '
                                     f'{len(part) - 1}')
                part = part[int(name)]
            elif not isinstance(part, dict):
                raise ValueError(f'--cfg-options {option}: {path} is {part!r}, '
                                 'which has no parts')
            elif name in part:
                if i == 0 and name not in KNOWN:
                    _refuse_variable(part, name, option)
                part = part[name]
            else:
                _check_new(part, name, option, i == 0)
                break


def _refuse_variable(cfg: dict, name: str, option: str) -> None:
    # A config has used its variables when the options are merged.
    place = next((path for path in find(cfg, name) if path != name), None)
    hint = f'did you mean {place}?' if place else (
        'set what it is used for, or change it in a config of your own')
    raise ValueError(f'--cfg-options {option}: {name} is a variable, which '
                     f'the config has already used: {hint}')


def _check_new(part: dict, name: str, option: str, at_top: bool) -> None:
    if at_top and name in KNOWN:
        return
    # A constructor's own argument, such as dtype beside type, is no mistake.
    near = nearest(name, {*part, *(KNOWN if at_top else ())} - {'type'}, 0.85)
    if near:
        raise ValueError(f'--cfg-options {option}: there is no {name}: did you '
                         f'mean {near}?')
    if at_top:
        place = next(find(part, name), None)
        hint = f'did you mean {place}?' if place else (
            'see the settings of the config')
        raise ValueError(
            f'--cfg-options {option}: nothing reads {name}: {hint}')


def find(part: Any, name: str, path: str = '') -> Iterator[str]:
    """Yield the paths of all settings of a name, such as ``max_epochs``."""
    if isinstance(part, dict):
        for key, value in part.items():
            if key == name:
                yield path + key
            yield from find(value, name, f'{path}{key}.')
