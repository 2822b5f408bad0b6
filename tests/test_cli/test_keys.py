"""Settings that nothing reads are named, with the one that was meant."""
from pathlib import Path

import pytest
from mmengine.config import Config

from mmdeit.cli import read_config
from mmdeit.cli.keys import check_complete, check_options

CONFIGS = Path(__file__).resolve().parents[2] / 'configs'
CFG = Config(
    dict(
        num_classes=3,
        train_cfg=dict(max_epochs=3),
        train_dataloader=dict(batch_size=2, dataset=dict(data_root='a')),
        param_scheduler=[dict(end=2)],
        default_hooks=dict(ema=None, logger=dict(interval=1)),
        my_variable=dict(a=1),
        batch_size=2))


@pytest.mark.parametrize('text, message', [
    ('train_dataloder = dict()  # train_dataloder', 'mean train_dataloader?'),
    ('a = 1 / 0', r'division by zero'),
    ("_base_ = 'none.py'", 'none.py: No such file'),
])
def test_configs(tmp_path, text, message):
    path = tmp_path / 'a.py'
    path.write_text(text)
    with pytest.raises(ValueError, match=rf'a\.py.*{message}'):
        read_config(str(path))


def test_an_error_in_an_inherited_config(tmp_path):
    (tmp_path / 'base.py').write_text('a = (')
    (tmp_path / 'a.py').write_text("_base_ = 'base.py'")
    with pytest.raises(ValueError, match=r'base\.py, line 1: '):
        read_config(str(tmp_path / 'a.py'))


@pytest.mark.parametrize('name', ['a.py', 'folder.py', 'a.txt'])
def test_what_is_no_config(tmp_path, name):
    (tmp_path / 'folder.py').mkdir()
    (tmp_path / 'a.txt').touch()
    with pytest.raises((ValueError, FileNotFoundError), match='no config'):
        read_config(str(tmp_path / name))


def test_variables(tmp_path):
    """What resembles a setting and is used, or resembles none, is one."""
    path = tmp_path / 'a.py'
    path.write_text('test_pipeline = [1]\nmodel1 = dict(a=test_pipeline)\n'
                    'model = dict(b=model1)\nmy_own = 3\n')
    assert read_config(str(path)).my_own == 3


@pytest.mark.parametrize('path', sorted(CONFIGS.glob('[!_]*/*.py')),
                         ids=lambda path: path.stem)
def test_our_configs_have_no_such_names(path):
    read_config(str(path))


def test_a_dumped_config(tmp_path):
    """As mmengine writes it into each work directory, all values in full."""
    path = tmp_path / 'a.py'
    read_config(str(CONFIGS / 'deit/deit-tiny.py')).dump(path)
    read_config(str(path))


@pytest.mark.parametrize('option, message', [
    ('train_dataloader.dataset.data_rot', 'did you mean data_root'),
    ('default_hooks.loger.interval', 'did you mean logger'),
    ('something', 'nothing reads something: see the settings of the config'),
    ('my_variable.a', 'my_variable is a variable, which the config has already '
     'used: set what it is used for'),
    ('batch_size', 'batch_size is a variable, which the config has already '
     'used: did you mean train_dataloader.batch_size'),
    ('default_hooks.ema.momentum', 'default_hooks.ema is None, which has no'),
])
def test_options(option, message):
    with pytest.raises(ValueError, match=f'{option}: .*{message}'):
        check_options(CFG, [option])


@pytest.mark.parametrize('option', [
    'num_classes', 'load_from', 'randomness.seed', 'default_hooks.teacher',
    'train_dataloader.num_workers', 'train_cfg.val_interval',
    'param_scheduler.0.end', 'train_dataloader.dataset.ann_file', 'compile',
    'sync_bn', 'find_unused_parameters', 'model_wrapper_cfg.type'
])
def test_good_options(option):
    check_options(CFG, [option])


def test_half_a_loop():
    with pytest.raises(ValueError, match='the config has train_dataloader and '
                       'train_cfg, but no optim_wrapper'):
        check_complete(CFG)
    check_complete(Config(dict(train_cfg=None, val_evaluator=None)))
