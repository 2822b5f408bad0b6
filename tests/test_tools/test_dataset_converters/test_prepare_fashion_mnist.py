import gzip
import hashlib

import prepare_fashion_mnist as script
import pytest

CONTENT = {name: name.encode() for name in script.SHA256}


@pytest.fixture
def source(served, monkeypatch):
    """Serve tiny stand-ins for the four files."""
    folder, address = served
    lists = []
    for name, content in CONTENT.items():
        packed = gzip.compress(content)
        (folder / f'{name}.gz').write_bytes(packed)
        lists.append([f'{name}.gz', hashlib.md5(packed).hexdigest()])
        monkeypatch.setitem(script.SHA256, name,
                            hashlib.sha256(content).hexdigest())
    monkeypatch.setattr(script.FashionMNIST, 'url_prefix', address)
    monkeypatch.setattr(script.FashionMNIST, 'train_list', lists[:2])
    monkeypatch.setattr(script.FashionMNIST, 'test_list', lists[2:])
    return address


def test_names_are_those_that_mmpretrain_reads():
    lists = script.FashionMNIST.train_list + script.FashionMNIST.test_list
    assert [f'{name}.gz' for name in script.SHA256] == [n for n, _ in lists]


def test_own_address(source, tmp_path, capsys):
    out = tmp_path / 'out'
    script.main(['--out', str(out)])
    assert {p.name: p.read_bytes() for p in out.iterdir()} == CONTENT
    assert f'Fetching from {source}\n' in capsys.readouterr().out

    script.main(['--out', str(out)])
    assert capsys.readouterr().out.splitlines() == [
        f'Reusing {out / name}' for name in CONTENT
    ]


def test_debian_package(offline, tmp_path, monkeypatch, capsys):
    """apt-get is absent; this stands for it and for dpkg-deb."""

    def run(command, cwd):
        if command[-2:] == ['download', script.PACKAGE]:
            (cwd / 'package.deb').touch()
        elif command[0] == 'dpkg-deb':
            folder = cwd / 'usr/share/datasets/fashion-mnist'
            folder.mkdir(parents=True)
            for name, content in CONTENT.items():
                (folder / f'{name}.gz').write_bytes(gzip.compress(content))

    for name, content in CONTENT.items():
        monkeypatch.setitem(script.SHA256, name,
                            hashlib.sha256(content).hexdigest())
    monkeypatch.setattr(script, 'run_quietly', run)
    monkeypatch.setattr(script.FashionMNIST, 'url_prefix', offline)
    script.main(['--out', str(tmp_path / 'out')])
    assert {
        p.name: p.read_bytes()
        for p in (tmp_path / 'out').iterdir()
    } == CONTENT
    assert script.PACKAGE in capsys.readouterr().out


def test_nothing_within_reach(offline, tmp_path, monkeypatch):
    monkeypatch.setattr(script.FashionMNIST, 'url_prefix', offline)
    out = tmp_path / 'out'
    with pytest.raises(SystemExit) as error:
        script.main(['--out', str(out)])
    # Python prints a string to stderr and exits with code 1.
    message = error.value.code
    for part in (offline, script.PACKAGE, str(out), *CONTENT):
        assert part in message
    assert '\n' not in message
    assert not out.exists()


def test_a_file_where_the_folder_goes(tmp_path):
    out = tmp_path / 'out'
    out.touch()
    with pytest.raises(SystemExit, match='--out .* is a file: give another'):
        script.main(['--out', str(out)])
