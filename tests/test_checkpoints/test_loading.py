import hashlib
import io
import math
from http.client import IncompleteRead

import pytest
import torch
import torch.distributed as dist
from mmengine.logging import HistoryBuffer, MMLogger
from mmengine.model import PretrainedInit
from mmengine.runner import CheckpointLoader
from mmengine.runner import checkpoint as mmengine_checkpoint
from mmengine.utils import digit_version
from torch import nn

from mmdeit.checkpoints import (
    fetch_checkpoint,
    force_weights_only,
    get_state_dict,
    load_checkpoint,
    load_weights,
)

from ..test_safety import Canary


@pytest.fixture
def model():
    torch.manual_seed(0)
    return nn.Linear(2, 3)


@pytest.fixture
def log(caplog):
    """What mmengine logs."""
    logger = MMLogger.get_current_instance()
    logger.addHandler(caplog.handler)
    yield caplog
    logger.removeHandler(caplog.handler)


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


def save(content):
    """The bytes of a file."""
    file = io.BytesIO()
    torch.save(content, file)
    return file.getvalue()


@pytest.mark.parametrize('content, reason', [
    (b'<!DOCTYPE html><html>not found</html>', r'\(it is a web page\)'),
    (b'', 'it is empty'),
    (b'junk' * 100, ''),
    (b'PK\x03\x04', ''),
    (b'no pickle', ''),
    (save(dict(extra=Canary('executed'))), r'\(it asks for \w*\.open\)'),
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
    monkeypatch.setattr(mmengine_checkpoint, 'load_from_http', None)
    force_weights_only()
    torch.save(dict(state_dict=model.state_dict()), tmp_path / 'a.pth')
    checkpoint = CheckpointLoader.load_checkpoint(str(tmp_path / 'a.pth'))
    assert torch.equal(checkpoint['state_dict']['weight'], model.weight)
    for entry in ('model', 'model_ema'):  # where mmengine would find nothing
        torch.save({entry: model.state_dict()}, tmp_path / 'b.pth')
        other = nn.Linear(2, 3)
        PretrainedInit(str(tmp_path / 'b.pth'))(other)
        assert torch.equal(other.weight, model.weight)
    for name, message in (('none.pth', 'no checkpoint at'),
                          ('https://host/a.pth', 'has no hash'),
                          ('http://host/a.pth', 'could be changed')):
        with pytest.raises((OSError, ValueError), match=message):
            CheckpointLoader.load_checkpoint(name)


    monkeypatch.setattr('mmdeit.checkpoints.loading.fetch_checkpoint',
                        lambda url: fetched.append(url) or tmp_path / 'a.pth')
    fetched = []
    for name in ('torchvision://resnet50', 'mmcls://resnet50_v1d',
                 'open-mmlab://detectron2/resnet50_caffe'):
        CheckpointLoader.load_checkpoint(name)
    assert len(fetched) == 3 and '://' in fetched[0]


@pytest.mark.parametrize('value', ['1', 'yes'])
@pytest.mark.parametrize('read', [
    force_weights_only, lambda: load_checkpoint('nowhere.pth')])
def test_an_environment_that_lets_files_run_code(monkeypatch, read, value):
    monkeypatch.setenv('TORCH_FORCE_NO_WEIGHTS_ONLY_LOAD', value)
    with pytest.raises(ValueError, match='^TORCH_FORCE_NO_WEIGHTS_ONLY_LOAD='
                       f'{value} is set .* by "unset TORCH_FORCE_NO'):
        read()


@pytest.mark.parametrize('prefix', [
    'module.', '_orig_mod.', 'module._orig_mod.', '_orig_mod.module.'])
@pytest.mark.parametrize('wrap', [dict, lambda s: dict(state_dict=s)])
def test_prefixes_of_wrappers(model, tmp_path, prefix, wrap):
    torch.save(wrap({f'{prefix}{name}': tensor for name, tensor in
                     model.state_dict().items()}), tmp_path / 'a.pth')
    other = nn.Linear(2, 3)
    load_weights(other, tmp_path / 'a.pth')
    assert torch.equal(other.weight, model.weight)


def test_a_part_was_compiled():
    assert get_state_dict({'a._orig_mod.weight': 1, 'b': 2}) == {
        'a.weight': 1, 'b': 2}


@pytest.mark.parametrize('entry', [
    'ema_state_dict', 'model_ema', 'state_dict_ema'])
def test_an_average_alone_is_taken_with_a_word(model, tmp_path, entry, log):
    average = {f'module.{n}': t for n, t in model.state_dict().items()}
    torch.save({entry: dict(average, steps=torch.tensor(3)), 'epoch': 1},
               tmp_path / 'a.pth')
    other = nn.Linear(2, 3)
    load_weights(other, tmp_path / 'a.pth')
    assert torch.equal(other.weight, model.weight)
    assert f'no weights but {entry}: their average is taken' in log.text


@pytest.mark.parametrize('value', [math.nan, math.inf, -math.inf])
@pytest.mark.parametrize('dtype', [
    torch.float32, torch.float16, torch.bfloat16])
@pytest.mark.parametrize('wrap', [
    dict, lambda s: dict(state_dict=s), lambda s: dict(model=s),
    lambda s: dict(model_ema=s)])
def test_weights_that_are_not_finite(model, tmp_path, value, dtype, wrap):
    weights = model.to(dtype).state_dict()
    weights['bias'][1] = value
    torch.save(wrap(weights), tmp_path / 'a.pth')
    with pytest.raises(ValueError, match='^.*a.pth is not finite in bias, as '
                       'after a training that diverged: give an earlier ch'):
        load_checkpoint(tmp_path / 'a.pth')


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
    monkeypatch.setattr('mmdeit.checkpoints.loading.all_gather_object',
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


def test_counts_may_be_of_another_type(tmp_path):
    norm = nn.BatchNorm2d(2)
    weights = norm.state_dict()
    weights['num_batches_tracked'] = torch.tensor(3, dtype=torch.int32)
    torch.save(weights, tmp_path / 'a.pth')
    load_weights(norm, tmp_path / 'a.pth')
    assert norm.num_batches_tracked == 3
