import hashlib
from http.client import IncompleteRead

import pytest
import torch
import torch.distributed as dist
from torch import nn

from mmdeit.checkpoints import fetch_checkpoint, load_weights


@pytest.fixture
def remote(model, tmp_path, monkeypatch):
    """A file to download, and where the download goes."""
    monkeypatch.setenv('TORCH_HOME', str(tmp_path / 'cache'))
    source = tmp_path / 'source.pth'
    torch.save(model.state_dict(), source)
    digits = hashlib.sha256(source.read_bytes()).hexdigest()[:8]

    def download(url, dst, hash_prefix):
        # torch.hub, with the file instead of the network
        original(source.as_uri(), dst, hash_prefix, progress=False)

    original = torch.hub.download_url_to_file
    monkeypatch.setattr(torch.hub, 'download_url_to_file', download)
    return digits, tmp_path / 'cache/hub/checkpoints'


def test_download_is_checked_and_kept(model, remote):
    digits, cache = remote
    url = f'https://example.org/linear-{digits}.pth'
    other = nn.Linear(2, 3)
    load_weights(other, url)
    assert torch.equal(other.weight, model.weight)
    assert fetch_checkpoint(url) == cache / f'linear-{digits}.pth'


def test_a_damaged_download_is_fetched_again(model, remote, log):
    digits, cache = remote
    url = f'https://example.org/linear-{digits}.pth'
    path = fetch_checkpoint(url)
    whole = path.read_bytes()
    path.write_bytes(whole[:-100])
    assert fetch_checkpoint(url).read_bytes() == whole
    assert f'{path} is damaged: it is fetched again' in log.text
    assert list(cache.iterdir()) == [path]


def test_the_failure_of_one_process_is_that_of_all(remote, monkeypatch):
    """And none waits for ever, whatever the failure is."""
    def broken(*args):
        raise IncompleteRead(b'half')

    monkeypatch.setattr(torch.hub, 'download_url_to_file', broken)
    url = f'https://example.org/linear-{remote[0]}.pth'
    with pytest.raises(FileNotFoundError, match='cannot fetch .* put the f'):
        fetch_checkpoint(url)
    monkeypatch.setenv('LOCAL_RANK', '1')
    monkeypatch.setattr('mmdeit.checkpoints.download.all_gather_object',
                        lambda failure: ['no route', failure])
    with pytest.raises(FileNotFoundError, match=r'\(no route\): put the file'):
        fetch_checkpoint(url)


def test_only_one_process_of_a_node_downloads(remote, monkeypatch, tmp_path):
    dist.init_process_group(
        'gloo', store=dist.FileStore(str(tmp_path / 'store')), rank=0,
        world_size=1)
    try:
        url = f'https://example.org/linear-{remote[0]}.pth'
        monkeypatch.setenv('LOCAL_RANK', '1')
        assert not fetch_checkpoint(url).exists()
        monkeypatch.setenv('LOCAL_RANK', '0')
        assert fetch_checkpoint(url).exists()
    finally:
        dist.destroy_process_group()


def test_download_with_another_hash(remote):
    _, cache = remote
    with pytest.raises(FileNotFoundError, match='invalid hash value .* put '
                       'the file at'):
        fetch_checkpoint('https://example.org/linear-00000000.pth')
    assert not list(cache.iterdir())


@pytest.mark.parametrize('url, message', [
    ('https://example.org/linear.pth', 'has no hash in its name'),
    ('http://example.org/linear-0123abcd.pth', '^http://example.org/linear-0123'
     'abcd.pth could be changed on its way: write https://example.org/linear'),
    ('ftp://example.org/linear-0123abcd.pth', 'write https://example.org/'),
])
def test_addresses_that_cannot_be_checked(url, message):
    with pytest.raises(ValueError, match=message):
        fetch_checkpoint(url)
