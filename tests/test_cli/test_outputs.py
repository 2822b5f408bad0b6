"""What cannot be written is named before anything is computed."""
import os

import pytest

from mmdeit.cli import check_output


@pytest.mark.parametrize('name, folder', [
    ('a.pkl', False), ('new/a.pkl', False), ('file', False), ('new/er', True),
    ('folder', True), ('s3://bucket/a.pkl', False)])
def test_good_outputs(tmp_path, monkeypatch, name, folder):
    monkeypatch.chdir(tmp_path)
    (tmp_path / 'file').touch()
    (tmp_path / 'folder').mkdir()
    check_output(name, '--out', folder)
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        'file', 'folder']


def test_a_locked_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / 'locked').mkdir()
    # root may write everywhere
    monkeypatch.setattr(os, 'access', lambda path, mode: 'locked' != path.name)
    with pytest.raises(OSError, match='--out locked/a.pkl: locked cannot be '):
        check_output('locked/a.pkl', '--out')
