"""What the tools do for a detector or a segmentor, without having one."""
import sys

import pytest
from mmengine.config import Config

from mmdeit.cli import build_runner, check_packages, set_dataloader_defaults


def install(monkeypatch, **modules):
    """Make modules importable, or not where None."""
    for name, module in modules.items():
        monkeypatch.setitem(sys.modules, name.replace('__', '.'), module)


@pytest.mark.parametrize('scope', ['mmdet', 'mmseg'])
def test_mmcv_lite(scope, monkeypatch):
    install(monkeypatch, **{scope: sys}, mmcv__ops=None)
    with pytest.raises(ImportError) as error:
        build_runner(Config(dict(default_scope=scope)))
    message = str(error.value)
    assert message.startswith(f"default_scope '{scope}' needs mmcv.ops (")
    assert message.endswith('mmcv-lite has none: pip uninstall -y mmcv-lite && '
                            "pip install 'mmdeit[mmcv]'")
    assert '\n' not in message


@pytest.mark.parametrize('scope, fix', [
    ('mmdet', "pip install 'mmdet==3.3.0'"),
    ('mmseg', "pip install 'mmsegmentation==1.2.2'"),
])
def test_not_installed(scope, fix, monkeypatch):
    install(monkeypatch, **{scope: None})
    with pytest.raises(ImportError, match=fix):
        check_packages(Config(dict(default_scope=scope)))


def test_installed(monkeypatch):
    install(monkeypatch, mmdet=sys, mmcv__ops=sys)
    check_packages(Config(dict(default_scope='mmdet')))


def test_a_classifier_needs_no_ops(monkeypatch):
    install(monkeypatch, mmdet=None, mmseg=None, mmcv__ops=None)
    check_packages(Config(dict(default_scope='mmpretrain')))
    check_packages(Config(dict()))


def test_only_mmpretrain_stacks_its_batches():
    for scope, collate_fn in (('mmpretrain', dict(type='default_collate')),
                              ('mmdet', None), ('mmseg', None)):
        cfg = Config(
            dict(default_scope=scope, train_dataloader=dict(num_workers=2)))
        set_dataloader_defaults(cfg, pin_memory=True)
        assert cfg.train_dataloader.get('collate_fn') == collate_fn
        assert cfg.train_dataloader.pin_memory
        assert cfg.train_dataloader.persistent_workers
