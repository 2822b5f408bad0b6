"""Files are written whole or not at all."""
import errno
import os

import pytest
from mmengine.fileio import get_file_backend

from mmdeit.files import write_atomically


def fail(*_):
    raise OSError(errno.ENOSPC, 'No space left on device')


def test_writes_and_overwrites(tmp_path):
    for content in (b'first', b'2'):
        write_atomically(tmp_path / 'a', content)
        assert (tmp_path / 'a').read_bytes() == content
    assert os.listdir(tmp_path) == ['a']


def test_a_link_stays_a_link(tmp_path):
    (tmp_path / 'disk').mkdir()
    (tmp_path / 'link').symlink_to(tmp_path / 'disk/a')
    write_atomically(tmp_path / 'link', b'content')
    assert (tmp_path / 'disk/a').read_bytes() == b'content'
    assert (tmp_path / 'link').is_symlink()


def test_a_kill_leaves_the_old_file(tmp_path, monkeypatch):
    """Before the new one has its name; the next call tidies up."""
    path = tmp_path / 'a'
    path.write_bytes(b'old')
    (tmp_path / 'a.part').write_bytes(b'what a kill left, of another length')
    seen = []
    fsync = os.fsync
    monkeypatch.setattr(
        os, 'fsync', lambda file: (seen.append(path.read_bytes()), fsync(file)))
    write_atomically(path, b'new')
    assert seen == [b'old', b'new']  # the file's, and the folder's
    assert os.listdir(tmp_path) == ['a'] and path.read_bytes() == b'new'


@pytest.mark.parametrize('step', ['fsync', 'replace'])
def test_a_full_disk(tmp_path, monkeypatch, step):
    """One line; the old file is whole and no other is left."""
    backend = get_file_backend(backend_args=dict(backend='mmdeit.atomic'))
    path = tmp_path / 'epoch_1.pth'
    path.write_bytes(b'old')
    monkeypatch.setattr(os, step, fail)
    with pytest.raises(OSError) as error:
        backend.put(b'new', str(path))
    assert str(error.value) == (
        f'cannot write {path} (No space left on device): free space there or '
        'lower default_hooks.checkpoint.max_keep_ckpts. The checkpoints '
        'before it are whole: --resume goes on from them')
    assert os.listdir(tmp_path) == [path.name] and path.read_bytes() == b'old'


def test_a_folder_that_is_none(tmp_path):
    backend = get_file_backend(backend_args=dict(backend='mmdeit.atomic'))
    (tmp_path / 'a').touch()
    with pytest.raises(OSError, match=r'cannot write .*a/b.pth .*: make its'):
        backend.put_text('text', str(tmp_path / 'a/b.pth'))
