import io
import math

import pytest
import torch
from mmengine.logging import HistoryBuffer
from mmengine.model import PretrainedInit
from mmengine.runner import CheckpointLoader
from mmengine.runner import checkpoint as mmengine_checkpoint
from mmengine.utils import digit_version
from torch import nn

from mmdeit.checkpoints import (
    force_weights_only,
    get_state_dict,
    load_checkpoint,
    load_weights,
)

from ..test_safety import Canary


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


def test_counts_may_be_of_another_type(tmp_path):
    norm = nn.BatchNorm2d(2)
    weights = norm.state_dict()
    weights['num_batches_tracked'] = torch.tensor(3, dtype=torch.int32)
    torch.save(weights, tmp_path / 'a.pth')
    load_weights(norm, tmp_path / 'a.pth')
    assert norm.num_batches_tracked == 3
