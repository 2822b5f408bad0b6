"""Nothing in a data file runs, whichever way it comes in.

The files hold a canary: read by a library's own reader, it makes a folder.
"""
import hashlib
import io
import os
import pickle
from base64 import b64decode
from multiprocessing import get_context

import mmengine
import numpy as np
import pytest
import torch
import yaml
from mmengine.config import Config
from mmengine.fileio import PickleHandler, YamlHandler, dump
from mmengine.fileio.handlers import file_handlers
from mmpretrain.datasets import CIFAR10, BaseDataset

from mmdeit.cli import load_config
from mmdeit.safe_files import unpickle

from .test_cli.test_config import parse
from .tools import run_tool

FORMATS = ('pkl', 'pickle', 'yaml', 'yml')


class Call:
    """Pickled as a call."""

    def __init__(self, function, *arguments):
        self.call = function, arguments

    def __reduce__(self):
        return self.call


@pytest.fixture
def alarm(tmp_path):
    """The folder that a canary makes; there is none at the end of a test."""
    path = tmp_path / 'alarm'
    yield path
    assert not path.exists()


@pytest.fixture
def canary(alarm, tmp_path):
    """Write a file with a canary; its content is otherwise as expected."""

    def write(name, **content):
        path = tmp_path / name
        if path.suffix in ('.yaml', '.yml'):
            path.write_text(yaml.safe_dump(dict(first=1, **content)) +
                            'canary: !!python/object/apply:os.mkdir '
                            f'["{alarm}"]\n')
        else:
            content['canary'] = Call(os.mkdir, str(alarm))
            path.write_bytes(pickle.dumps(content))
        return path

    return write


def message(error):
    """The one line of an error."""
    assert '\n' not in str(error.value)
    return str(error.value)


def refusal(path):
    """What is said about a file of :func:`canary`."""
    if path.suffix in ('.yaml', '.yml'):
        line = len(path.read_text().splitlines())
        return (f'{path}, line {line}: not plain YAML (could not determine a '
                "constructor for the tag 'tag:yaml.org,2002:python/object/"
                "apply:os.mkdir'): write plain values, or .json")
    return (f'{path} cannot be read safely (it asks for '
            f'{os.mkdir.__module__}.mkdir, which could run code): write it '
            'again, as .json')


@pytest.mark.parametrize('handler, name', [
    (PickleHandler, 'a.pkl'),
    (YamlHandler, 'a.yaml'),
])
def test_canaries_sing(canary, alarm, handler, name):
    with canary(name).open('rb') as file:
        handler().load_from_fileobj(file)
    alarm.rmdir()


# The ways in -----------------------------------------------------------------


@pytest.mark.parametrize('format', FORMATS)
def test_load(canary, format):
    path = canary(f'a.{format}')
    with pytest.raises(ValueError) as error:
        mmengine.load(path)
    assert message(error) == refusal(path)
    with path.open('rb') as file, pytest.raises(ValueError) as error:
        mmengine.load(file, file_format=format)
    assert message(error) == refusal(path)


@pytest.mark.parametrize('format', FORMATS)
def test_annotation_list(canary, format):
    path = canary(f'list.{format}', metainfo={}, data_list=[])
    with pytest.raises(ValueError) as error:
        BaseDataset(path.name, data_root=str(path.parent))
    assert message(error) == refusal(path)


@pytest.mark.parametrize('tool, dataloader, format', [
    ('train.py', 'train_dataloader', 'pkl'),
    ('train.py', 'val_dataloader', 'yaml'),
    ('test.py', 'test_dataloader', 'pickle'),
])
def test_annotation_list_of_a_tool(canary, cfg, tmp_path, teacher_file, tool,
                                   dataloader, format):
    path = canary(f'list.{format}', metainfo={}, data_list=[])
    cfg[dataloader].dataset = dict(type='BaseDataset', ann_file=str(path))
    cfg.dump(tmp_path / 'config.py')
    checkpoint = [teacher_file] if tool == 'test.py' else []
    output = run_tool(
        f'tools/{tool}', tmp_path / 'config.py', *checkpoint, code=1)
    assert output.splitlines()[-1] == f'error: {refusal(path)}'


@pytest.mark.parametrize('tool', ['train', 'analysis_tools/check_teacher'])
def test_config(canary, tool):
    path = canary('config.yaml', model={})
    output = run_tool(f'tools/{tool}.py', path, code=1)
    assert output.splitlines()[-1] == f'error: {refusal(path)}'


@pytest.mark.parametrize('name', ['config.py', 'config.yaml', 'config.json'])
def test_base_config(canary, tmp_path, name):
    path = canary('base.yml', model={})
    key = '_base_ = ' if name.endswith('.py') else '_base_: '
    text = '{"_base_": "base.yml"}' if name.endswith('.json') else (
        f'{key}"base.yml"')
    (tmp_path / name).write_text(text)
    with pytest.raises(ValueError) as error:
        load_config(parse(tmp_path / name))
    assert message(error).endswith(refusal(path))


@pytest.mark.parametrize('split', ['train', 'test'])
@pytest.mark.parametrize('poisoned', ['data_batch_1', 'test_batch'])
def test_cifar(canary, monkeypatch, tmp_path, split, poisoned):
    """Files are compared with their hash first, by mmpretrain."""
    content = pickle.dumps(dict(data=np.zeros((2, 3072)), labels=[0, 1]))
    (tmp_path / 'cifar-10-batches-py').mkdir()
    for files in ('train_list', 'test_list'):
        names = [name for name, _ in getattr(CIFAR10, files)]
        for name in names:
            (tmp_path / CIFAR10.base_folder / name).write_bytes(content)
        md5 = hashlib.md5(content).hexdigest()
        monkeypatch.setattr(CIFAR10, files, [(name, md5) for name in names])

    assert len(CIFAR10(str(tmp_path), split=split, download=False)) > 0
    canary(f'{CIFAR10.base_folder}/{poisoned}', data=[], labels=[])
    with pytest.raises(RuntimeError, match='Cannot find CIFAR10'):
        CIFAR10(str(tmp_path), split=split, download=False)


@pytest.mark.parametrize('value', [
    '__import__("os").mkdir("{}")',
    '!!python/object/apply:os.mkdir["{}"]',
    "[__import__('os').mkdir('{}')]",
    '{{{{ __import__("os").mkdir("{}") }}}}',
])
def test_options(cfg, alarm, tmp_path, value):
    cfg.dump(tmp_path / 'config.py')
    option = f'log_level={value.format(alarm)}'
    cfg = load_config(parse(tmp_path / 'config.py', '--cfg-options', option))
    assert 'mkdir' in str(cfg.log_level)


@pytest.mark.parametrize('format', ['pkl', 'yaml'])
def test_worker(canary, format):
    """One that is forked. A spawned one imports the tool, and with it this."""
    path = canary(f'list.{format}')
    with get_context('fork').Pool(1) as pool:
        with pytest.raises(ValueError) as error:
            pool.apply(mmengine.load, [path])
    assert message(error) == refusal(path)


# What is refused -------------------------------------------------------------


@pytest.mark.parametrize('content, reason', [
    (eval, 'builtins.eval'),
    (getattr, 'builtins.getattr'),
    (pickle.loads, 'pickle.loads'),
    (np.load, 'numpy.load'),
    (Call(eval, '1'), 'builtins.eval'),
    (torch.zeros(1), 'torch._utils._rebuild_tensor_v2'),
    (Config(dict(a=1)), 'mmengine.config.config.Config'),
    (np.random.RandomState(0), 'numpy.random'),
    (np.array([1, 'a'], object), 'an array of O8, not of numbers or text'),
    (np.zeros(1, [('a', 'O')]), 'an array of V8, not of numbers or text'),
    # A list whose elements are at these addresses.
    (Call(np.ndarray, (1, ), 'O', b'\0' * 8), 'object() takes no arguments'),
])
@pytest.mark.parametrize('protocol', [2, 5])
def test_refused(content, reason, protocol):
    file = io.BytesIO(pickle.dumps([content], protocol=protocol))
    with pytest.raises(ValueError) as error:
        unpickle(file)
    assert reason.replace('builtins', '__builtin__' if protocol == 2 else
                          'builtins') in message(error)


@pytest.mark.parametrize('name, content, reason', [
    ('a.pkl', b'', 'Ran out of input'),
    ('a.pkl', pickle.dumps([1, 2])[:-3], 'pickle data was truncated'),
    ('a.pkl', b'{"a": 1}', 'invalid load key'),
    # bytearray(2**62)
    ('a.pkl', b'\x80\x04cbuiltins\nbytearray\n\x8a\x08' +
     (2**62).to_bytes(8, 'little') + b'\x85R.', 'MemoryError'),
    ('a.pkl', b'Pname\n.', 'persistent_load'),
    ('a.pkl', b'c_codecs\nencode\n(Va\nVrot13\ntR.', 'the encoding rot13'),
    ('a.yaml', b'a: 1\nb: ]\n', 'line 2: '),
    ('a.yaml', b'a: \x07', 'characters are not allowed'),
    ('a.yaml', b'a: 2025-13-13', 'month must be in 1..12'),
    ('a.yaml', b'a: !!python/name:os.mkdir', 'python/name:os.mkdir'),
    ('a.yaml', b'a: !!python/module:antigravity', 'python/module'),
    ('a.yaml', b'a: !!python/object/new:os.mkdir [a]', 'python/object/new'),
])
def test_damaged_or_odd(tmp_path, name, content, reason):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(ValueError) as error:
        mmengine.load(tmp_path / name)
    assert message(error).startswith(str(tmp_path / name))
    assert reason in message(error)


# What is read ----------------------------------------------------------------


def samples():
    return [
        dict(
            img=np.arange(12, dtype=np.uint8).reshape(2, 2, 3),
            transposed=np.arange(6, dtype=np.float32).reshape(2, 3).T,
            big_endian=np.arange(3, dtype='>i4'),
            text=np.array(['a', 'bc']),
            empty=np.zeros((2, 0)),
            date=np.array(['2025-01-01'], 'M8[D]'),
            scalars=[np.int64(1), np.float16(.5), np.bool_(True)],
            gt_label=[1, 2**70, True, None, .5, 1 + 2j],
            name=('é', b'', b'\xff', bytearray(b'a')),
            classes={'a', 'b'},
            ids=frozenset({1}))
    ] * 2


@pytest.mark.parametrize('protocol', range(6))
@pytest.mark.parametrize('format', ['pkl', 'pickle'])
def test_good_pickles(tmp_path, format, protocol):
    path = tmp_path / f'list.{format}'
    dump(samples(), path, protocol=protocol)
    read, expected = mmengine.load(path), pickle.loads(path.read_bytes())
    # Python's repr has types, values, dtypes and shapes.
    assert repr(read) == repr(expected)
    assert read[0] is read[1]
    for value in read[0].values():
        assert not isinstance(value, np.ndarray) or value.flags.writeable


# [np.arange(3, dtype=np.uint8), np.float32(.5)], by NumPy 1.26 and 2.4
WRITTEN = {
    ('1', 2): 'gAJdcQAoY251bXB5LmNvcmUubXVsdGlhcnJheQpfcmVjb25zdHJ1Y3QKcQFjbn'
    'VtcHkKbmRhcnJheQpxAksAhXEDY19jb2RlY3MKZW5jb2RlCnEEWAEAAABicQVYBgAAAGxhdG'
    'luMXEGhnEHUnEIh3EJUnEKKEsBSwOFcQtjbnVtcHkKZHR5cGUKcQxYAgAAAHUxcQ2JiIdxDl'
    'JxDyhLA1gBAAAAfHEQTk5OSv////9K/////0sAdHERYoloBFgDAAAAAAECcRJoBoZxE1JxFH'
    'RxFWJjbnVtcHkuY29yZS5tdWx0aWFycmF5CnNjYWxhcgpxFmgMWAIAAABmNHEXiYiHcRhScR'
    'koSwNYAQAAADxxGk5OTkr/////Sv////9LAHRxG2JoBFgEAAAAAAAAP3EcaAaGcR1ScR6GcR'
    '9ScSBlLg==',
    ('1', 5): 'gAWVzgAAAAAAAABdlCiMEm51bXB5LmNvcmUubnVtZXJpY5SMC19mcm9tYnVmZm'
    'VylJOUKJYDAAAAAAAAAAABApSMBW51bXB5lIwFZHR5cGWUk5SMAnUxlImIh5RSlChLA4wBfJ'
    'ROTk5K/////0r/////SwB0lGJLA4WUjAFDlHSUUpSMFW51bXB5LmNvcmUubXVsdGlhcnJheZ'
    'SMBnNjYWxhcpSTlGgHjAJmNJSJiIeUUpQoSwOMATyUTk5OSv////9K/////0sAdJRiQwQAAA'
    'A/lIaUUpRlLg==',
    ('2', 2): 'gAJdcQAoY251bXB5Ll9jb3JlLm11bHRpYXJyYXkKX3JlY29uc3RydWN0CnEBY2'
    '51bXB5Cm5kYXJyYXkKcQJLAIVxA2NfY29kZWNzCmVuY29kZQpxBFgBAAAAYnEFWAYAAABsYX'
    'RpbjFxBoZxB1JxCIdxCVJxCihLAUsDhXELY251bXB5CmR0eXBlCnEMWAIAAAB1MXENiYiHcQ'
    '5ScQ8oSwNYAQAAAHxxEE5OTkr/////Sv////9LAHRxEWKJaARYAwAAAAABAnESaAaGcRNScR'
    'R0cRViY251bXB5Ll9jb3JlLm11bHRpYXJyYXkKc2NhbGFyCnEWaAxYAgAAAGY0cReJiIdxGF'
    'JxGShLA1gBAAAAPHEaTk5OSv////9K/////0sAdHEbYmgEWAQAAAAAAAA/cRxoBoZxHVJxHo'
    'ZxH1JxIGUu',
    ('2', 5): 'gAWV0AAAAAAAAABdlCiME251bXB5Ll9jb3JlLm51bWVyaWOUjAtfZnJvbWJ1Zm'
    'ZlcpSTlCiWAwAAAAAAAAAAAQKUjAVudW1weZSMBWR0eXBllJOUjAJ1MZSJiIeUUpQoSwOMAX'
    'yUTk5OSv////9K/////0sAdJRiSwOFlIwBQ5R0lFKUjBZudW1weS5fY29yZS5tdWx0aWFycm'
    'F5lIwGc2NhbGFylJOUaAeMAmY0lImIh5RSlChLA4wBPJROTk5K/////0r/////SwB0lGJDBA'
    'AAAD+UhpRSlGUu',
}


@pytest.mark.parametrize('written', WRITTEN)
def test_pickles_of_both_numpys(written):
    array, scalar = unpickle(io.BytesIO(b64decode(WRITTEN[written])))
    assert array.dtype == np.uint8 and array.tolist() == [0, 1, 2]
    assert type(scalar) is np.float32 and scalar == .5


def test_pickle_of_python_2():
    """As those of CIFAR: arrays are text there."""
    content = (b'\x80\x02cnumpy.core.multiarray\n_reconstruct\n'
               b'cnumpy\nndarray\nK\x00\x85U\x01b\x87R(K\x01K\x02\x85cnumpy\ndtype\nU\x02u1K\x00'
               b'K\x01\x87R(K\x03U\x01|NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK'
               b'\x00tb\x89U\x02\xff\x01tb.')
    assert unpickle(
        io.BytesIO(content), encoding='latin1').tolist() == [255, 1]


@pytest.mark.parametrize('format', ['yaml', 'yml'])
def test_good_yaml(tmp_path, format):
    """Tuples too, which mmengine writes by a tag of Python."""
    content = dict(a=[1, .5, None, 'é'], topk=(1, (2, [3])), b={1: True})
    dump(content, tmp_path / f'a.{format}')
    assert 'python/tuple' in (tmp_path / f'a.{format}').read_text()
    assert mmengine.load(tmp_path / f'a.{format}') == content


def test_config_that_mmengine_writes_as_yaml(cfg, tmp_path):
    for name in ('config.py', 'config.yaml'):
        cfg.dump(tmp_path / name)
    read = [
        load_config(parse(tmp_path / name, '--work-dir', 'work')).to_dict()
        for name in ('config.py', 'config.yaml')
    ]
    assert read[0] == read[1]


def test_writing_stays(tmp_path):
    for format in FORMATS:
        handler = file_handlers[format]
        assert isinstance(handler, (PickleHandler, YamlHandler))
        assert type(handler).dump_to_fileobj in (
            PickleHandler.dump_to_fileobj, YamlHandler.dump_to_fileobj)
