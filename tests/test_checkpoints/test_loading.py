import hashlib
import io

import pytest
import torch
import torch.distributed as dist
from mmengine.logging import HistoryBuffer
from mmengine.runner import CheckpointLoader
from mmengine.utils import digit_version
from torch import nn

from mmdeit.checkpoints import (
    fetch_checkpoint,
    force_weights_only,
    load_checkpoint,
    load_weights,
)


class Malicious:
    """A pickle that runs code when it is loaded."""

    def __reduce__(self):
        return (open, ('executed', 'w'))


@pytest.fixture
def model():
    torch.manual_seed(0)
    return nn.Linear(2, 3)


@pytest.mark.parametrize('wrap', [
    lambda state: state,
    lambda state: dict(state_dict=state, meta=dict(epoch=1)),
    lambda state: dict(model=state),
])
def test_layouts(model, tmp_path, wrap):
    torch.save(wrap(model.state_dict()), tmp_path / 'a.pth')
    other = nn.Linear(2, 3)
    load_weights(other, tmp_path / 'a.pth')
    assert torch.equal(other.weight, model.weight)


def test_nothing_in_a_file_is_executed(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    torch.save(dict(state_dict={}, extra=Malicious()), 'a.pth')
    with pytest.raises(ValueError, match='a.pth is no checkpoint .* safely'):
        load_checkpoint('a.pth')
    assert not (tmp_path / 'executed').exists()


def save(content):
    """The bytes of a file."""
    file = io.BytesIO()
    torch.save(content, file)
    return file.getvalue()


@pytest.mark.parametrize('content, reason', [
    (b'<!DOCTYPE html><html>not found</html>', r'\(it is a web page\)'),
    (b'', 'EOF'),
    (b'junk' * 100, ''),
    (b'PK\x03\x04', ''),
    (b'no pickle', ''),
    (save(dict(extra=Malicious())), r'\(it asks for \w*\.open\)'),
    (save(torch.zeros(1)), r'\(its weights are a Tensor\)'),
    (save(dict(model=[1])), r'\(its weights are a list\)'),
])
def test_what_is_no_checkpoint(tmp_path, content, reason):
    (tmp_path / 'a.pth').write_bytes(content)
    with pytest.raises(ValueError, match=(
            f'a.pth is no checkpoint .* damaged .*{reason}')) as error:
        load_checkpoint(tmp_path / 'a.pth')
    assert '\n' not in str(error.value)


def test_mmengine_reads_by_it(model, tmp_path, monkeypatch):
    """Whatever a Runner or an init_cfg loads."""
    monkeypatch.setenv('TORCH_FORCE_WEIGHTS_ONLY_LOAD', '1')  # as it was, later
    monkeypatch.setattr(CheckpointLoader, '_schemes',
                        dict(CheckpointLoader._schemes))
    force_weights_only()
    torch.save(dict(state_dict=model.state_dict()), tmp_path / 'a.pth')
    checkpoint = CheckpointLoader.load_checkpoint(str(tmp_path / 'a.pth'))
    assert torch.equal(checkpoint['state_dict']['weight'], model.weight)
    for name, message in (('none.pth', 'no checkpoint at'),
                          ('http://host/a.pth', 'has no hash')):
        with pytest.raises((OSError, ValueError), match=message):
            CheckpointLoader.load_checkpoint(name)


def test_weights_of_ddp(model, tmp_path):
    torch.save({f'module.{name}': tensor for name, tensor in
                model.state_dict().items()}, tmp_path / 'a.pth')
    other = nn.Linear(2, 3)
    load_weights(other, tmp_path / 'a.pth')
    assert torch.equal(other.weight, model.weight)


def test_checkpoints_of_mmengines_own_hook(cfg, build_runner):
    cfg.default_hooks.checkpoint.type = 'mmengine.CheckpointHook'
    runner = build_runner(cfg)
    runner.train()
    path = f'{cfg.work_dir}/epoch_2.pth'
    if digit_version(torch.__version__) < digit_version('2.6'):
        with pytest.raises(ValueError, match='keep only its state_dict'):
            load_checkpoint(path)
        return
    log = load_checkpoint(path)['message_hub']['log_scalars']['train/loss']
    assert not isinstance(log, HistoryBuffer)
    load_weights(runner.model, path)
    HistoryBuffer([1., 2.], [1, 1]).statistics('min')  # still what it was


def test_missing(tmp_path):
    with pytest.raises(FileNotFoundError, match='no checkpoint at nowhere'):
        load_checkpoint('nowhere.pth')


@pytest.mark.parametrize('change', [
    lambda s: s.pop('bias'),
    lambda s: s.update(extra=torch.zeros(1)),
    lambda s: s.update(bias=torch.zeros(4)),
])
def test_strict(model, tmp_path, change):
    state = model.state_dict()
    change(state)
    torch.save(state, tmp_path / 'a.pth')
    with pytest.raises(ValueError, match='a.pth does not hold the weights of '
                       'this model'):
        load_weights(model, tmp_path / 'a.pth')


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


def test_download_without_a_hash():
    with pytest.raises(ValueError, match='has no hash'):
        fetch_checkpoint('https://example.org/linear.pth')
