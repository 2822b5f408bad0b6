"""Whatever escapes from a tool ends it in one line, the cause first."""
from argparse import Namespace
from unittest import mock

import pytest
import torch
from mmengine.registry import DATA_SAMPLERS, HOOKS, METRICS
from torch.utils.data import DataLoader, Dataset

from mmdeit.cli import end_in_one_line
from mmdeit.cli.errors import describe

HINT = ' (--traceback shows where)'


@pytest.mark.parametrize('error, line', [
    (ValueError('a\n  b'), 'a b'),
    (FileNotFoundError('no file'), 'no file'),
    (FileNotFoundError(2, 'No such file', 'a.txt'), 'a.txt: No such file'),
    (ImportError('no module'), 'no module'),
    (KeyError('no key'), 'no key' + HINT),
    (TypeError('no type'), 'no type' + HINT),
    (RuntimeError('a\nb'), 'a b' + HINT),
    (TypeError('no x in <a.Hook object at 0x7f1>'), 'no x' + HINT),
    (MemoryError(), 'no memory is left: lower the batch_size and num_workers '
     'of the dataloaders'),
    (RuntimeError('DataLoader worker (pid 3) is killed by signal: Killed.'),
     'DataLoader worker (pid 3) is killed by signal: Killed.: lower the '
     'batch_size and num_workers of the dataloaders'),
    (torch.cuda.OutOfMemoryError('CUDA out of memory. Tried to allocate 2 GiB'),
     'CUDA out of memory: lower train_dataloader.batch_size, or train with '
     '--amp'),
])
def test_one_line(error, line):
    args = Namespace(traceback=False)
    with pytest.raises(SystemExit) as end, end_in_one_line(args):
        raise error
    assert end.value.code == f'error: {line}'
    args.traceback = True
    with pytest.raises(type(error)), end_in_one_line(args):
        raise error


def test_a_message_is_never_empty():
    with pytest.raises(AssertionError) as error:
        assert 2 > 3
    assert describe(AssertionError()) != ''
    error.value.args = ()
    assert describe(error.value) == f'AssertionError at `assert 2 > 3`{HINT}'
    with pytest.raises(KeyError) as error:
        {}['x']
    assert describe(error.value) == f"KeyError x at `{{}}['x']`{HINT}"


def test_a_message_is_not_a_page():
    assert len(describe(ValueError('word ' * 1000))) < 800


class Broken(Dataset):

    def __len__(self) -> int:
        return 1

    def __getitem__(self, index: int) -> int:
        try:
            {}['inner']
        except KeyError as error:
            raise ValueError('a.png is no image:\nreplace it') from error


def test_the_message_of_a_worker():
    with pytest.raises(ValueError) as error:
        next(iter(DataLoader(Broken(), num_workers=1)))
    assert describe(error.value) == 'a.png is no image: replace it'


@pytest.mark.parametrize('registry, name, line', [
    (METRICS, 'mmdeit.HeadAccuracy',
     "there is no metric of the type 'mmdeit.HeadAccuracy': did you mean "
     "'mmdeit.HeadsAccuracy'?"),
    (HOOKS, 'LogerHook', "there is no hook of the type 'LogerHook': did you "
     "mean 'LoggerHook'?"),
    (HOOKS, 'Nothing', "there is no hook of the type 'Nothing': correct the "
     'name, or import its module by custom_imports'),
    (DATA_SAMPLERS, 'mmdeit.RepeatAug', 'there is no data sampler of the type '
     "'mmdeit.RepeatAug': did you mean 'mmdeit.RepeatAugSampler'?"),
])
def test_an_unknown_type_is_named(registry, name, line):
    with pytest.raises(KeyError) as error:
        registry.build(dict(type=name))
    assert describe(error.value) == line


@pytest.mark.parametrize('rank, pauses', [('0', 0), ('1', 1)])
def test_without_a_store_others_wait_to_be_stopped(monkeypatch, rank, pauses):
    monkeypatch.setenv('SLURM_PROCID', rank)
    args = Namespace(traceback=False, launcher='slurm')
    with mock.patch('time.sleep') as sleep, pytest.raises(
            SystemExit) as end, end_in_one_line(args):
        raise ValueError('bad')
    assert end.value.code == 'error: bad'
    assert sleep.call_count == pauses


def test_the_first_to_end_says_it(monkeypatch):
    """Whatever its rank: the store of torchrun knows."""
    store = torch.distributed.TCPStore('127.0.0.1', 0, is_master=True)
    monkeypatch.setenv('TORCHELASTIC_USE_AGENT_STORE', 'True')
    monkeypatch.setenv('MASTER_ADDR', '127.0.0.1')
    monkeypatch.setenv('MASTER_PORT', str(store.port))
    args = Namespace(traceback=False, launcher='pytorch')
    for rank, line in (('1', 'error: bad'), ('0', 1)):
        monkeypatch.setenv('RANK', rank)
        with pytest.raises(SystemExit) as end, end_in_one_line(args):
            raise ValueError('bad')
        assert end.value.code == line
