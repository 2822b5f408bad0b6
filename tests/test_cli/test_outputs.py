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


@pytest.mark.parametrize('name, folder, message', [
    ('folder', False, '--out folder is a folder: give another name'),
    ('file', True, '--out file is a file: give another name'),
    ('file/a/b.pkl', False, '--out file/a/b.pkl: file is a file'),
    ('locked/a.pkl', False, '--out locked/a.pkl: locked cannot be written'),
])
def test_bad_outputs(tmp_path, monkeypatch, name, folder, message):
    monkeypatch.chdir(tmp_path)
    (tmp_path / 'file').touch()
    (tmp_path / 'folder').mkdir()
    (tmp_path / 'locked').mkdir()
    # root may write everywhere
    monkeypatch.setattr(os, 'access', lambda path, mode: 'locked' != path.name)
    with pytest.raises(OSError) as error:
        check_output(name, '--out', folder)
    assert message in str(error.value)
