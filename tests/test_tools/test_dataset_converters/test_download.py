import hashlib
import io

import download
import pytest

CONTENT = b'deit' * 50_000  # several pieces of 64 KiB
MD5 = hashlib.md5(CONTENT).hexdigest()
SHA256 = hashlib.sha256(CONTENT).hexdigest()


@pytest.fixture
def url(served):
    folder, address = served
    (folder / 'file').write_bytes(CONTENT)
    return address + 'file'


@pytest.fixture
def path(tmp_path):
    return tmp_path / 'new' / 'folder' / 'file'


def contents(path):
    return {p.name: p.read_bytes() for p in path.parent.iterdir()}


def test_download(url, path):
    download.download(url, path, md5=MD5, sha256=SHA256)
    assert contents(path) == {'file': CONTENT}


def test_right_file_is_reused(path, capsys):
    path.parent.mkdir(parents=True)
    path.write_bytes(CONTENT)
    download.download('http://never.invalid/', path, sha256=SHA256)
    assert capsys.readouterr().out == f'Reusing {path}\n'


def test_wrong_file_is_replaced(url, path, capsys):
    path.parent.mkdir(parents=True)
    path.write_bytes(b'wrong')
    download.download(url, path, sha256=SHA256)
    assert f'Replacing {path}' in capsys.readouterr().out
    assert contents(path) == {'file': CONTENT}


def test_mismatch_leaves_nothing(url, path):
    with pytest.raises(ValueError) as error:
        download.download(url, path, md5='0' * 32)
    for part in (str(path), '0' * 32, MD5, 'run again'):
        assert part in str(error.value)
    assert contents(path) == {}


def test_mismatch_keeps_the_old_file(url, path):
    path.parent.mkdir(parents=True)
    path.write_bytes(b'old')
    with pytest.raises(ValueError):
        download.download(url, path, md5='0' * 32)
    assert contents(path) == {'file': b'old'}


class _Response(io.BytesIO):
    """A response with a header, which may be interrupted."""

    def __init__(self, length: int, interrupt: bool) -> None:
        super().__init__(CONTENT)
        self.headers = {'Content-Length': str(length)}
        self.interrupt = interrupt

    def read(self, size: int = -1) -> bytes:
        if self.interrupt and self.tell() > 0:
            raise KeyboardInterrupt
        return super().read(size)


@pytest.mark.parametrize('length, interrupt, error', [
    (len(CONTENT), True, KeyboardInterrupt),
    (len(CONTENT) + 1, False, OSError),
])
def test_interruption_leaves_nothing(path, monkeypatch, length, interrupt,
                                     error):
    monkeypatch.setattr(download, 'urlopen',
                        lambda *_, **__: _Response(length, interrupt))
    with pytest.raises(error):
        download.download('http://never.invalid/', path)
    assert contents(path) == {}


def test_run_quietly_ends_with_the_last_words(tmp_path):
    with pytest.raises(OSError, match='sh failed: why$'):
        download.run_quietly(['sh', '-c', 'printf "no\nwhy\n" >&2; exit 3'],
                             tmp_path)


def test_use_first_stops_at_success():
    calls = []

    def fail():
        calls.append('fail')
        raise ValueError('bad bytes')

    download.use_first(
        dict(
            a=fail,
            b=lambda: calls.append('b'),
            c=lambda: calls.append('c')),
        fix='-')
    assert calls == ['fail', 'b']
