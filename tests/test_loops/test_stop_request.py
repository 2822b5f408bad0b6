"""A training that gets a signal saves, and goes on as if without it."""
import os
import signal
from contextlib import nullcontext
from pathlib import Path

import pytest
import torch
from mmengine.hooks import Hook
from mmengine.registry import HOOKS
from torch import distributed as dist

from mmdeit.loops.stop_request import StopRequest

EPOCHS = dict(type='mmdeit.EpochBasedTrainLoop', max_epochs=3)
ITERATIONS = dict(type='mmdeit.IterBasedTrainLoop', max_iters=12,
                  val_interval=4)


class Stopped(BaseException):
    """What the handlers raise that were there before the training."""


@pytest.fixture(autouse=True)
def handlers():
    """Of a tool; after each test pytest's."""

    def stop(number, _):
        raise Stopped(number)

    before = {number: signal.signal(number, stop)
              for number in (signal.SIGINT, signal.SIGTERM, signal.SIGUSR1)}
    yield stop
    for number, handler in before.items():
        signal.signal(number, handler)


@HOOKS.register_module()
class RaiseSignalHook(Hook):
    """Sends this process a signal, once, at a stage of an iteration."""

    priority = 'LOWEST'

    def __init__(self, stage, iteration, number, times=1):
        self.iteration, self.number, self.times = iteration, number, times
        setattr(self, stage, self._send)

    def _send(self, runner, *args, **kwargs):
        if runner.iter == self.iteration:
            self.iteration = None
            for _ in range(self.times):
                signal.raise_signal(self.number)


@pytest.fixture
def train(cfg, build_runner):
    """Train in a folder; the name and content of its last checkpoint."""
    cfg.default_hooks.ema = dict(type='mmdeit.EMAHook')

    def run(folder, train_cfg, by_epoch=True, **changes):
        cfg.work_dir = str(Path(cfg.work_dir).parent / folder)
        cfg.train_cfg = train_cfg
        cfg.default_hooks.checkpoint.update(
            by_epoch=by_epoch, interval=1 if by_epoch else 5)
        cfg.update(changes)
        build_runner(cfg).train()
        path = Path(cfg.work_dir, 'last_checkpoint').read_text()
        return torch.load(path, weights_only=True)

    run.cfg = cfg
    return run


def interrupt(train, *arguments, stage='before_train_iter', iteration=6,
              number=signal.SIGTERM, times=1):
    """Train until a signal; the names of the checkpoints."""
    train.cfg.custom_hooks = [
        dict(type='RaiseSignalHook', stage=stage, iteration=iteration,
             number=number, times=times)
    ]
    with pytest.raises(Stopped, match=str(int(number))):
        train('interrupted', *arguments)
    return checkpoints(train)


def checkpoints(train):
    folder = Path(train.cfg.work_dir)
    assert not [*folder.glob('*.part')]
    names = sorted(path.name for path in folder.glob('*.pth'))
    assert Path((folder / 'last_checkpoint').read_text()).name in names
    return names


def resume(train, *arguments):
    return train('interrupted', *arguments, resume=True, custom_hooks=[])


def assert_equal(found, expected):
    assert found['meta']['iter'] == expected['meta']['iter']
    assert found['param_schedulers'] == expected['param_schedulers']
    for part in ('state_dict', 'ema_state_dict'):
        for name, value in expected[part].items():
            assert torch.equal(found[part][name], value), name


@pytest.mark.parametrize('number', [signal.SIGTERM, signal.SIGUSR1])
@pytest.mark.parametrize('iteration', [
    6,
    7,  # the last one of an epoch
])
def test_in_an_epoch(train, number, iteration, capfd):
    whole = train('whole', EPOCHS)
    names = interrupt(train, EPOCHS, iteration=iteration, number=number)
    saved = f'iter_{iteration + 1}.pth'
    assert names == ['epoch_1.pth', saved]
    path = Path(train.cfg.work_dir, saved)
    meta = torch.load(path, weights_only=True)['meta']
    assert (meta['epoch'], meta['iter']) == (1, iteration + 1)
    assert capfd.readouterr().err.count(
        f'{number.name}: stopping at the end of this iteration\n') == 1
    assert_equal(resume(train, EPOCHS), whole)
    assert checkpoints(train) == ['epoch_1.pth', 'epoch_2.pth', 'epoch_3.pth']


@pytest.mark.parametrize('stage, iteration, names', [
    ('before_train_iter', 6, ['iter_5.pth', 'iter_7.pth']),
    # its last iteration, after which mmengine's loop validates
    ('after_val_iter', 8, ['iter_5.pth', 'iter_8.pth']),
    ('before_train_iter', 9, ['iter_10.pth', 'iter_5.pth']),  # saved once
])
def test_by_iterations(train, stage, iteration, names):
    whole = train('whole', ITERATIONS, False)
    train.cfg.default_hooks.checkpoint.max_keep_ckpts = 2
    assert interrupt(train, ITERATIONS, False, stage=stage,
                     iteration=iteration) == names
    assert_equal(resume(train, ITERATIONS, False), whole)
    # They count among those to keep.
    assert len(checkpoints(train)) == 2


def test_twice_in_the_same_epoch(train):
    """And no file is left of the first time."""
    whole = train('whole', EPOCHS)
    interrupt(train, EPOCHS, iteration=4)
    train.cfg.resume = True
    assert interrupt(train, EPOCHS, iteration=5) == [
        'epoch_1.pth', 'iter_6.pth'
    ]
    assert_equal(resume(train, EPOCHS), whole)
    assert checkpoints(train) == ['epoch_1.pth', 'epoch_2.pth', 'epoch_3.pth']


def test_after_as_many_iterations_again(train):
    """As epochs have become longer: the file of that name is the new one."""
    interrupt(train, EPOCHS)
    train.cfg.train_dataloader.batch_size = 3
    train.cfg.resume = True
    assert interrupt(train, EPOCHS) == ['epoch_1.pth', 'iter_7.pth']


def test_a_kill_before_the_file_is_removed(train, monkeypatch):
    """The next save catches up on it."""
    interrupt(train, EPOCHS)
    with monkeypatch.context() as patch, pytest.raises(Stopped):
        patch.setattr('mmdeit.hooks.CheckpointHook._remove',
                      lambda *_: signal.raise_signal(signal.SIGINT))
        resume(train, EPOCHS)
    assert checkpoints(train) == ['epoch_1.pth', 'epoch_2.pth', 'iter_7.pth']
    resume(train, EPOCHS)
    assert checkpoints(train) == ['epoch_1.pth', 'epoch_2.pth', 'epoch_3.pth']


def test_in_validation(train):
    """It is finished, and an iteration after it."""
    names = interrupt(train, EPOCHS, stage='after_val_iter', iteration=4)
    assert names == ['epoch_1.pth', 'iter_5.pth']


def test_signals_that_repeat(train, capfd):
    interrupt(train, EPOCHS, times=2)
    assert capfd.readouterr().err.count('SIGTERM: stopping') == 1


def test_at_the_end_of_the_training(train, handlers):
    """What has ended by itself goes on to its end."""
    train.cfg.custom_hooks = [
        dict(type='RaiseSignalHook', stage='after_train', iteration=12,
             number=signal.SIGTERM)
    ]
    train('whole', EPOCHS)
    assert signal.getsignal(signal.SIGTERM) is handlers


def test_without_a_hook_that_saves(train):
    train.cfg.default_hooks.checkpoint = dict(type='CheckpointHook', interval=1)
    assert interrupt(train, EPOCHS) == ['epoch_1.pth']


def test_an_error_that_the_signal_explains(handlers):
    """Such as that of a worker, or of another process that has ended."""
    with pytest.raises(Stopped), StopRequest():
        signal.raise_signal(signal.SIGTERM)
        raise RuntimeError('Connection closed by peer')
    assert signal.getsignal(signal.SIGTERM) is handlers
    with pytest.raises(ValueError, match='nan'), StopRequest():
        signal.raise_signal(signal.SIGTERM)
        raise ValueError('loss is nan')


def test_what_is_ignored_stays_ignored():
    signal.signal(signal.SIGUSR1, signal.SIG_IGN)
    with StopRequest() as request:
        signal.raise_signal(signal.SIGUSR1)
        assert request.agreed() == 0


@pytest.fixture
def job(monkeypatch):
    """Let this process be one of several, of which it sees none."""
    dist.init_process_group(
        'gloo', store=dist.HashStore(), rank=0, world_size=1)
    monkeypatch.setattr('mmdeit.loops.stop_request.get_world_size', lambda: 2)
    yield
    dist.destroy_process_group()


@pytest.mark.parametrize('stopped', [False, True])
def test_no_group_is_left(stopped, job):
    """Where it is the only one of gloo's, beside NCCL's."""
    with pytest.raises(Stopped) if stopped else nullcontext():
        with StopRequest() as request:
            group = request._group
            assert dist.get_process_group_ranks(group) == [0]
            assert [request.agreed() for _ in range(3)] == [0, 0, 0]
            if stopped:
                signal.raise_signal(signal.SIGTERM)
                assert (request.agreed(), request.agreed()) == (
                    0, signal.SIGTERM)
                request.stop(signal.SIGTERM)
    with pytest.raises(KeyError):  # torch knows of none
        dist.get_process_group_ranks(group)


@pytest.mark.parametrize('number, status', [
    (signal.SIGTERM, 128 + signal.SIGTERM),  # or terminate() would have none
    (signal.SIGUSR1, 0),
])
def test_in_a_fork(number, status):
    with StopRequest() as request:
        child = os.fork()
        if not child:
            signal.raise_signal(number)
            os._exit(0)
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == status
        assert request.agreed() == 0
