import builtins
import importlib.util
import os
import re
import stat
from argparse import Namespace
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from mmdeit.checkpoints import convert
from tests.tools import ROOT

from ..test_checkpoints.test_conversion import assert_same, build

TOOL = 'tools/model_converters/convert_deit.py'


@pytest.fixture
def run(monkeypatch, capsys, tmp_path):
    """Run the tool in an empty folder and return what it printed."""
    monkeypatch.chdir(tmp_path)
    spec = importlib.util.spec_from_file_location('convert_deit', ROOT / TOOL)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    monkeypatch.setattr('signal.signal', lambda *_: None)  # pytest's stay

    def run(*options):
        monkeypatch.setattr('sys.argv', ['convert_deit.py', *options])
        capsys.readouterr()  # what building the model logged
        module.main()
        return capsys.readouterr().out

    return run


@pytest.fixture
def weights():
    torch.manual_seed(0)
    return build().state_dict()


@pytest.fixture
def fails(run, tmp_path):
    """Run the tool, expect one line of error and no file."""

    def fails(*options):
        before = set(tmp_path.iterdir())
        with pytest.raises(SystemExit) as info:
            run(*options)
        assert set(tmp_path.iterdir()) == before
        message = str(info.value)
        assert message.startswith('error: ') and '\n' not in message
        return message

    return fails


@pytest.mark.parametrize('target', ['mmdeit', 'mmpretrain'])
def test_names_of_classes_are_kept(run, weights, target):
    metainfo = dict(classes=('a', 'b', 'c', 'd'))
    torch.save(dict(state_dict=weights, meta=dict(dataset_meta=metainfo)),
               'a.pth')
    run('a.pth', 'b.pth', '--to', target)
    meta = torch.load('b.pth', weights_only=True)['meta']
    assert meta == dict(dataset_meta=dict(classes=['a', 'b', 'c', 'd']))


def test_chain_of_all_formats(run, weights):
    torch.save(dict(state_dict=weights), 'a.pth')
    names = ['a.pth', 'official.pth', 'timm.pth', 'timm.safetensors',
             'hf.bin', 'hf.safetensors', 'pretrain.pth', 'out/b.pth']
    formats = ['mmdeit', 'official', 'timm', 'timm', 'huggingface',
               'huggingface', 'mmpretrain', 'mmdeit']
    steps = list(zip(names, formats))
    for (src, source), (dst, target) in zip(steps, steps[1:]):
        source = source.replace('mmpretrain', 'mmdeit')  # the same files
        assert run(src, dst, '--to', target) == (
            f'{src} ({source}) -> {dst} ({target}): distilled, 6 tokens of '
            'width 8, 4 classes\n')
    assert_same(torch.load('out/b.pth', weights_only=True)['state_dict'],
                weights)
    official = convert(weights, 'mmdeit', 'official')
    assert_same(torch.load('official.pth', weights_only=True)['model'],
                official)
    assert_same(torch.load('timm.pth', weights_only=True), official)
    hugging_face = convert(weights, 'mmdeit', 'huggingface')
    assert_same(load_file('hf.safetensors'), hugging_face)
    assert_same(torch.load('hf.bin', weights_only=True), hugging_face)


def test_leaves_the_training_out_and_says_so(run, cfg, build_runner):
    runner = build_runner(cfg)
    runner.train()
    src = f'{cfg.work_dir}/epoch_2.pth'
    output = run(src, 'a.pth', '--to', 'official')
    assert re.search('\nLeft out: .*optimizer', output)
    run('a.pth', 'b.pth')
    assert_same(torch.load('b.pth', weights_only=True)['state_dict'],
                runner.model.state_dict())


def test_official_training(run, fails, weights):
    """It keeps its optimiser, and its arguments as an object."""
    official = convert(weights, 'mmdeit', 'official')
    torch.save(dict(model=official, epoch=1, args=Namespace(lr=.1)), 'a.pth')
    if not hasattr(torch.serialization, 'add_safe_globals'):
        assert 'keep only its state_dict' in fails('a.pth', 'b.pth')
        return
    assert run('a.pth', 'b.pth').endswith('Left out: epoch, args\n')


def test_undistilled_starts_distilled(run, fails):
    torch.manual_seed(0)
    torch.save(convert(build(False).state_dict(), 'mmdeit', 'timm'), 'a.pth')
    assert ': undistilled, 5 tokens' in run('a.pth', 'b.pth')
    output = run('a.pth', 'c.pth', '--add-dist-token')
    assert '(mmdeit): distilled, 6 tokens' in output
    build().load_state_dict(
        torch.load('c.pth', weights_only=True)['state_dict'], strict=True)
    assert 'has a distillation token already' in fails(
        'c.pth', 'd.pth', '--add-dist-token')


def test_truncated(run, fails, weights, tmp_path):
    name = 'a.safetensors'
    torch.save(dict(state_dict=weights), 'whole.pth')
    run('whole.pth', name, '--to', 'timm')
    path = tmp_path / name
    path.write_bytes(path.read_bytes()[:-500])
    assert fails(name, 'b.pth').startswith(f'error: {name} is no')


def test_errors_name_the_file(fails, weights):
    assert 'no checkpoint at no.safetensors' in fails('no.safetensors', 'b.pth')
    torch.save(dict(state_dict=weights), 'a.pth')
    assert 'a.pth: unknown keys backbone.cls_token, ' in fails(
        'a.pth', 'b.pth', '--from', 'official')
    assert 'official cannot read .safetensors: name it b.pth' in \
        fails('a.pth', 'b.safetensors', '--to', 'official')


def test_traceback(run):
    with pytest.raises(FileNotFoundError, match='nowhere.pth'):
        run('nowhere.pth', 'b.pth', '--traceback')


@pytest.mark.parametrize('error, message', [
    (OSError(28, 'No space left on device'),
     'cannot write b.pth (No space left on device): make room'),
    (KeyboardInterrupt(), None),
])
def test_what_was_there_stays_whole(run, weights, tmp_path, monkeypatch,
                                    error, message):
    def fsync(_):
        raise error

    torch.save(dict(state_dict=weights), 'a.pth')
    Path('b.pth').write_bytes(b'whole')
    monkeypatch.setattr(os, 'fsync', fsync)
    with pytest.raises(SystemExit if message else KeyboardInterrupt) as info:
        run('a.pth', 'b.pth')
    if message:
        assert f'error: {message}' in str(info.value)
    assert Path('b.pth').read_bytes() == b'whole'
    assert {path.name for path in tmp_path.iterdir()} == {'a.pth', 'b.pth'}


@pytest.mark.parametrize('target, message', [
    ('link-to-null', 'link-to-null is a device or a pipe'),
    ('./a.pth', 'a.pth is SRC'),
    ('link-to-src', 'link-to-src is SRC'),
    ('/proc/b.pth', 'cannot write /proc/b.pth ('),
])
def test_only_regular_files_are_written(fails, weights, target, message):
    torch.save(dict(state_dict=weights), 'a.pth')
    os.symlink('/dev/null', 'link-to-null')
    os.symlink('a.pth', 'link-to-src')
    assert message in fails('a.pth', target)
    assert stat.S_ISCHR(os.stat('/dev/null').st_mode)


@pytest.mark.parametrize('source', ['pipe', '/dev/zero', 'folder', '.'])
def test_only_regular_files_are_read(fails, source):
    os.mkfifo('pipe')
    os.mkdir('folder')
    assert f'no checkpoint at {source}' in fails(source, 'b.pth')


def test_a_link_stays_one(run, weights):
    torch.save(dict(state_dict=weights), 'a.pth')
    Path('b.pth').write_bytes(b'old')
    os.symlink('b.pth', 'link.pth')
    run('a.pth', 'link.pth')
    assert Path('link.pth').is_symlink()
    assert_same(torch.load('b.pth', weights_only=True)['state_dict'], weights)


def test_not_finite(fails, weights):
    weights['backbone.cls_token'][..., 0] = float('nan')
    save_file(convert(weights, 'mmdeit', 'timm'), 'a.safetensors')
    assert 'a.safetensors is not finite in cls_token, as after' in fails(
        'a.safetensors', 'b.pth')


def test_an_average_of_a_compiled_model(run, weights):
    torch.save(dict(epoch=1, model_ema={
        f'_orig_mod.{n}': t for n, t in weights.items()}), 'a.pth')
    assert 'Left out: epoch\n' in run('a.pth', 'b.pth')
    assert_same(torch.load('b.pth', weights_only=True)['state_dict'], weights)


def test_without_safetensors(fails, weights, monkeypatch):
    def without(name, *args):
        if name.startswith('safetensors'):
            raise ImportError(name)
        return original(name, *args)

    original = builtins.__import__
    torch.save(dict(state_dict=weights), 'a.pth')
    monkeypatch.setattr(builtins, '__import__', without)
    assert fails('a.pth', 'b.safetensors', '--to', 'timm') == (
        'error: .safetensors files need another package: pip install '
        'safetensors')
