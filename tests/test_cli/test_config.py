"""What the tools share."""
import argparse

import pytest
from mmengine.config import Config

from mmdeit.cli import (
    add_common_arguments,
    build_runner,
    load_config,
    one_line_errors,
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


@pytest.mark.parametrize('error, line', [
    (ValueError('a\n  b'), 'error: a b'),
    (FileNotFoundError('no file'), 'error: no file'),
    (ImportError('no module'), 'error: no module'),
    (KeyError('key'), "error: 'key' (--traceback shows where)"),
    (TypeError('type'), 'error: type (--traceback shows where)'),
])
def test_errors_are_one_line(error, line):
    with pytest.raises(SystemExit) as exit:
        with one_line_errors():
            raise error
    assert exit.value.code == line
    with pytest.raises(type(error)):
        with one_line_errors(traceback=True):
            raise error


def test_a_fault_of_the_code_keeps_its_traceback():
    with pytest.raises(RuntimeError):
        with one_line_errors():
            raise RuntimeError


def parse(*arguments):
    parser = argparse.ArgumentParser()
    parser.add_argument('config')
    add_common_arguments(parser)
    return parser.parse_args([str(argument) for argument in arguments])


def test_options_without_a_value(capsys):
    with pytest.raises(SystemExit):
        parse('a.py', '--cfg-options', 'train_cfg.max_epochs')
    assert "--cfg-options takes KEY=VALUE, not 'train_cfg.max_epochs'" in (
        capsys.readouterr().err)


@pytest.mark.parametrize('make, message', [
    (lambda path: None, 'no config file at .*a.py: correct the path'),
    (lambda path: path.mkdir(), 'no config file at .*a.py: correct the path'),
    (lambda path: path.write_text('optim_wrapper = dict()'),
     'a.py describes no model: give a whole config'),
])
def test_what_is_no_config(tmp_path, make, message):
    make(tmp_path / 'a.py')
    with pytest.raises((OSError, ValueError), match=message):
        load_config(parse(tmp_path / 'a.py'))


def test_missing_checkpoint_is_seen_at_once(tmp_path):
    cfg = Config(dict(work_dir=str(tmp_path), load_from='nowhere.pth'))
    with pytest.raises(FileNotFoundError, match='no checkpoint at nowhere.pth'):
        build_runner(cfg)


def test_work_dir_that_is_a_file(tmp_path):
    (tmp_path / 'file').touch()
    cfg = Config(dict(work_dir=str(tmp_path / 'file/work')))
    with pytest.raises(OSError, match='cannot make the work directory .*file/'
                       'work .*: set --work-dir'):
        build_runner(cfg)
