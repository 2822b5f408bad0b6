import shutil
from pathlib import Path

import pytest

from .world import World, make_world


@pytest.fixture(scope='session')
def good_world(tmp_path_factory):
    root = tmp_path_factory.mktemp('world')
    make_world(root, Path(__file__).with_name('config.py'))
    return root


@pytest.fixture
def world(good_world, tmp_path, monkeypatch):
    """A copy of the world, in which the test runs."""
    root = tmp_path / 'world'
    shutil.copytree(good_world, root)
    monkeypatch.chdir(root)
    return World(root)
