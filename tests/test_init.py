import builtins
import importlib

import mmcv
import pytest
import torch

import mmdeit


def test_version_is_the_packages():
    assert importlib.metadata.version('mmdeit') == mmdeit.__version__


@pytest.mark.parametrize('module, version, message', [
    (torch, '2.0.1', r'mmdeit supports torch>=2.1,<2.12, but torch 2.0.1'),
    (torch, '2.13.0+cpu', r'but torch 2.13.0\+cpu is installed: pip install'),
    (mmcv, '2.2.0', r'mmcv>=2.1.0,<2.2.0, but mmcv 2.2.0 .*mmcv-lite'),
])
def test_unsupported_version(monkeypatch, module, version, message):
    monkeypatch.setattr(module, '__version__', version)
    with pytest.raises(ImportError, match=message):
        mmdeit.check_dependencies()


def test_missing_library(monkeypatch):

    def import_module(name):
        if name == 'mmcv':
            raise ImportError('No module named mmcv')
        return builtins.__import__(name)

    monkeypatch.setattr(mmdeit, 'import_module', import_module)
    with pytest.raises(ImportError, match=r'cannot import mmcv .*mmcv-lite'):
        mmdeit.check_dependencies()
