"""Tests of what only an environment with mmdet and mmseg can run."""
import socket
from copy import deepcopy
from importlib.util import find_spec
from pathlib import Path

import pytest
from mmengine.config import Config
from mmengine.runner import Runner

from tests.tools import ROOT

from . import coco as detection
from .ade import make_ade, shrink


def pytest_ignore_collect(collection_path, config):
    """Leave out what cannot be imported, unless these tests were asked for.

    ``pytest tests/dense``, as ``make test SET=dense`` has it, then fails where
    mmdet or mmseg is missing.
    """
    folder = Path(__file__).parent
    asked = any((config.invocation_params.dir / arg.split('::')[0]
                 ).resolve().is_relative_to(folder) for arg in config.args)
    if not asked and any(package in collection_path.name and
                         find_spec(package) is None
                         for package in ('mmdet', 'mmseg')):
        return True


@pytest.fixture
def port():
    """A free port."""
    with socket.socket() as server:
        server.bind(('127.0.0.1', 0))
        return str(server.getsockname()[1])


@pytest.fixture
def build(monkeypatch):
    """Build a Runner under a name of its own; mmengine keeps them apart."""
    # The Runner formats its config five times: most of these tests' time.
    monkeypatch.setattr(Config, 'pretty_text', '')
    counter = iter(range(100))

    def build(cfg):
        cfg = deepcopy(cfg)
        cfg.experiment_name = f'{cfg.work_dir}-{next(counter)}'
        return Runner.from_cfg(cfg)

    return build


@pytest.fixture(scope='session')
def ade(tmp_path_factory):
    """Photographs in ADE20K's layout."""
    root = tmp_path_factory.mktemp('ade')
    make_ade(root)
    return root


@pytest.fixture
def small_segmentor(ade, tmp_path):
    """A function that returns a config of ``configs/mmseg`` made small."""

    def small_segmentor(name, **kwargs):
        cfg = Config.fromfile(f'{ROOT}/configs/mmseg/{name}.py')
        shrink(cfg, ade, **kwargs)
        cfg.work_dir = str(tmp_path / 'work')
        cfg.launcher = 'none'
        return cfg

    return small_segmentor


@pytest.fixture(scope='session')
def coco(tmp_path_factory):
    """Pasted photographs in COCO's layout, with all of its classes."""
    from mmdet.datasets import CocoDataset
    root = tmp_path_factory.mktemp('coco')
    detection.make_coco(root, CocoDataset.METAINFO['classes'])
    return root


@pytest.fixture
def small_detector(coco, tmp_path):
    """A function that returns a config of ``configs/mmdet`` made small."""

    def small_detector(name, root=coco, **kwargs):
        cfg = Config.fromfile(f'{ROOT}/configs/mmdet/{name}.py')
        detection.shrink(cfg, root, **kwargs)
        cfg.work_dir = str(tmp_path / 'work')
        cfg.launcher = 'none'
        return cfg

    return small_detector
