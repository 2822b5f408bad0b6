"""What the tools share."""
import argparse

import pytest
from mmengine.config import Config
from mmengine.runner import Runner

from mmdeit.cli import (
    add_common_arguments,
    build_runner,
    load_config,
    set_dataloader_defaults,
)


def test_only_mmpretrain_stacks_its_batches():
    for scope, collate_fn in (('mmpretrain', dict(type='default_collate')),
                              ('mmdet', None), ('mmseg', None)):
        cfg = Config(
            dict(default_scope=scope, train_dataloader=dict(num_workers=2)))
        set_dataloader_defaults(cfg, pin_memory=True)
        assert cfg.train_dataloader.get('collate_fn') == collate_fn
        assert cfg.train_dataloader.pin_memory
        assert cfg.train_dataloader.persistent_workers


def test_flags_override_the_config():
    cfg = Config(
        dict(
            train_dataloader=dict(
                num_workers=2, pin_memory=True, persistent_workers=True)))
    set_dataloader_defaults(cfg, pin_memory=False, persistent_workers=False)
    assert not cfg.train_dataloader.pin_memory
    assert not cfg.train_dataloader.persistent_workers


def test_what_the_config_says_stays():
    cfg = Config(
        dict(
            train_dataloader=dict(
                num_workers=2, pin_memory=False, persistent_workers=False)))
    set_dataloader_defaults(cfg, pin_memory=True)
    assert not cfg.train_dataloader.pin_memory
    assert not cfg.train_dataloader.persistent_workers


def parse(*arguments):
    parser = argparse.ArgumentParser()
    parser.add_argument('config')
    add_common_arguments(parser)
    return parser.parse_args([str(argument) for argument in arguments])


def test_custom_hooks_by_their_number(tmp_path):
    path = tmp_path / 'a.py'
    path.write_text("model = dict()\ncustom_hooks = [dict(type='EMAHook')]")
    cfg = load_config(parse(path, '--cfg-options', 'custom_hooks.0.momentum=1'))
    assert cfg.custom_hooks == [dict(type='EMAHook', momentum=1)]


@pytest.mark.parametrize('value, expected', [
    ('None', {}), ('False', {}), ('True', dict(type='mmdeit.CompileHook')),
    ("dict(mode='default')", dict(type='mmdeit.CompileHook', mode='default'))])
def test_mmengines_compile_is_the_backbones(value, expected, tmp_path,
                                            monkeypatch):
    path = tmp_path / 'a.py'
    path.write_text(f'model = dict()\ncompile = {value}')
    cfg = load_config(parse(path))
    monkeypatch.setattr(Runner, 'from_cfg', lambda cfg: cfg)
    cfg = build_runner(cfg)
    assert 'compile' not in cfg  # which mmengine would compile a step for
    assert (cfg.get('default_hooks') or {}).get('compile', {}) == expected


def test_compile_is_switched_off_again(tmp_path, monkeypatch):
    """In a config that a run has dumped."""
    path = tmp_path / 'a.py'
    path.write_text('model = dict()\ndefault_hooks = dict(compile=dict('
                    "type='mmdeit.CompileHook'))")
    cfg = load_config(parse(path, '--cfg-options', 'compile=False'))
    monkeypatch.setattr(Runner, 'from_cfg', lambda cfg: cfg)
    assert build_runner(cfg).default_hooks == {}


def test_wrong_kind_of_compile(tmp_path):
    path = tmp_path / 'a.py'
    path.write_text("model = dict()\ncompile = 'inductor'")
    with pytest.raises(ValueError, match="compile is 'inductor': give True, "
                       'False or a dict'):
        load_config(parse(path))


def test_none_switches_a_hook_off(tmp_path):
    path = tmp_path / 'a.py'
    path.write_text('model = dict(); default_hooks = dict(ema={}, a={})')
    cfg = load_config(parse(path, '--cfg-options', 'default_hooks.ema=None',
                            'default_hooks.timer=None'))
    # the Runner has a timer of its own, which this switches off
    assert cfg.default_hooks == dict(a=dict(), timer=None)


@pytest.mark.parametrize('optim_wrapper, expected', [
    (dict(type='OptimWrapper', a=1), dict(type='AmpOptimWrapper', a=1)),
    (None, None)])
def test_amp(tmp_path, optim_wrapper, expected):
    path = tmp_path / 'a.py'
    path.write_text('model = dict()\n' +
                    f'optim_wrapper = {optim_wrapper}' * bool(optim_wrapper))
    assert load_config(parse(path, '--amp')).get('optim_wrapper') == expected
