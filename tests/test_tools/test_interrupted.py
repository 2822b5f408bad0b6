"""A training that is stopped, killed, or has no room to write."""
import contextlib
import os
import resource
import signal
import socket
import subprocess
import sys
import time
import zipfile
from functools import partial
from multiprocessing import active_children

import pytest
import torch
from mmengine.dist import get_rank
from mmengine.hooks import Hook
from mmengine.registry import HOOKS

from tests.forked import Training, write_config

ENDLESS = dict(by_epoch=True, max_epochs=100000)


def stop_at(training, condition, number, to='training'):
    """Send a signal when something is there; the exit code."""
    training.wait_for(condition)
    if to == 'group':
        os.killpg(training.process.pid, number)
        return training.end()
    if to == 'workers first':
        for worker in training.workers:
            os.kill(worker, number)
        time.sleep(0.2)
    os.kill(training.process.pid, number)
    return training.end()


def test_ctrl_c_ends_in_one_line(tmp_path):
    """At once, and its workers too."""
    work = tmp_path / 'work'
    config = write_config(tmp_path / 'config.py', train_cfg=ENDLESS)
    training = Training(
        tmp_path / 'log', config, '--work-dir', work, '--cfg-options',
        'train_dataloader.num_workers=2',
        'default_hooks.checkpoint.max_keep_ckpts=2')
    training.wait_for((work / 'epoch_3.pth').exists)
    os.killpg(training.process.pid, signal.SIGINT)
    assert training.end() == 130
    last = (work / 'last_checkpoint').read_text()
    line = training.output.splitlines()[-1]
    assert line.startswith('SIGINT: stopped in epoch ')
    assert line.endswith(f' iterations; --resume goes on from {last}')
    assert 'Traceback' not in training.output
    assert training.output.count('SIGINT') == 1
    assert not list(work.glob('*.part'))
    assert all(zipfile.ZipFile(path).testzip() is None
               for path in work.glob('*.pth'))


@HOOKS.register_module()
class SendSignalHook(Hook):
    """Sends a signal as the seventh iteration begins, from another process.

    Args:
        number (int): The signal.
        to (str): 'process', or its 'group', or its 'workers'.
        rank (int): Of the process that sends it. Defaults to 0.
    """

    def __init__(self, number, to='process', rank=0):
        self.number, self.to, self.rank = number, to, rank

    def before_train_iter(self, runner, *args, **kwargs):
        if runner.iter != 6 or get_rank() != self.rank:
            return
        pids = [os.getpid()]
        if self.to == 'group':  # by what os.kill() calls it
            pids = [-os.getpgid(0)]
        elif self.to == 'workers':
            pids += [child.pid for child in active_children()]
            assert len(pids) > 1
            pids.reverse()
        subprocess.run(
            [sys.executable, '-S', '-c',
             f'import os\nfor pid in {pids}: os.kill(pid, {self.number:d})'],
            start_new_session=True, check=True)


def train(tmp_path, work, *options, processes=1, send=None):
    """Start a training of three epochs with workers and stochastic depth.

    Args:
        send (dict): Arguments of SendSignalHook.
    """
    config = write_config(
        tmp_path / 'config.py',
        train_cfg=dict(type='mmdeit.EpochBasedTrainLoop', max_epochs=3),
        custom_hooks=send and [dict(type='SendSignalHook', **send)])
    with socket.socket() as server:
        server.bind(('127.0.0.1', 0))
        port = str(server.getsockname()[1])

    def enter_job(rank):
        os.environ.update(
            RANK=str(rank), LOCAL_RANK=str(rank), WORLD_SIZE=str(processes),
            MASTER_ADDR='127.0.0.1', MASTER_PORT=port)

    if processes > 1:
        options = ('--launcher', 'pytorch', *options)
    return [
        Training(
            tmp_path / f'log{rank}', config, '--work-dir', work, *options,
            '--cfg-options', 'model.backbone.drop_path_rate=0.5',
            'train_dataloader.num_workers=2',
            'val_dataloader.num_workers=1',
            f'train_dataloader.batch_size={4 // processes}',
            prepare=partial(enter_job, rank)) for rank in range(processes)
    ]


def wait_for_workers(training):
    """Wait until none of its process group is left."""
    end = time.monotonic() + 20
    with contextlib.suppress(ProcessLookupError):
        while time.monotonic() < end:
            os.killpg(training.process.pid, 0)
            time.sleep(0.02)
        pytest.fail('a worker has outlived its process')


def last_state(work):
    path = (work / 'last_checkpoint').read_text()
    checkpoint = torch.load(path, weights_only=True)
    return {
        f'{part}.{name}': value for part in ('state_dict', 'ema_state_dict')
        for name, value in checkpoint[part].items()
    }


def check_interrupted(work, name, output, iteration):
    """It has ended in its line, and goes on as if there had been no signal."""
    *_, line = lines = output.splitlines()
    assert line == (
        f'{name}: stopped in epoch 2, after {iteration} iterations; --resume '
        f'goes on from {work}/iter_{iteration}.pth')
    assert lines.count(f'{name}: stopping at the end of this iteration') <= 1
    assert output.count(name) <= 2 and 'Traceback' not in output
    names = ['epoch_1.pth', f'iter_{iteration}.pth']
    assert sorted(path.name for path in work.glob('*.p*th*')) == names


@pytest.fixture(scope='module')
def undisturbed(tmp_path_factory):
    """Where a training ends that no signal has stopped."""
    folder = tmp_path_factory.mktemp('undisturbed')
    training, = train(folder, folder / 'work')
    assert training.end() == 0, training.output
    return last_state(folder / 'work')


@pytest.mark.parametrize('number, to', [
    (signal.SIGUSR1, 'process'),
    (signal.SIGTERM, 'group'),
    (signal.SIGTERM, 'workers'),  # and then the process
])
def test_a_signal_saves(tmp_path, number, to, undisturbed):
    """To the process alone or, as slurm sends it, to its workers too."""
    work = tmp_path / 'work'
    training, = train(tmp_path, work, send=dict(number=int(number), to=to))
    assert training.end() == 128 + number, training.output
    check_interrupted(work, number.name, training.output, 7)
    wait_for_workers(training)

    resumed, = train(tmp_path, work, '--resume')
    assert resumed.end() == 0, resumed.output
    assert 'after 1 epochs and 7 iterations' in resumed.output
    found = last_state(work)
    assert all(torch.equal(found[name], undisturbed[name])
               for name in undisturbed)
    assert [path.name for path in work.glob('iter_*')] == []


def test_a_signal_to_one_of_two_processes(tmp_path):
    """Both stop after the same iteration, and save once."""
    work = tmp_path / 'work'
    send = dict(number=int(signal.SIGUSR1), rank=1)
    first, second = train(tmp_path, work, processes=2, send=send)
    assert first.end() == 128 + signal.SIGUSR1, first.output
    assert second.end() == -signal.SIGUSR1, second.output
    # They read what they knew an iteration before.
    check_interrupted(work, 'SIGUSR1', first.output, 8)
    assert 'SIGUSR1' not in second.output
    resumed = train(tmp_path, work, '--resume', processes=2)
    assert [training.end() for training in resumed] == [0, 0]
    found = last_state(work)

    work = tmp_path / 'whole'
    whole = train(tmp_path, work, processes=2)
    assert [training.end() for training in whole] == [0, 0]
    expected = last_state(work)
    assert all(torch.equal(found[name], expected[name]) for name in expected)


def test_stopped_before_the_first_checkpoint(tmp_path):
    config = write_config(tmp_path / 'config.py', train_cfg=ENDLESS)
    training = Training(tmp_path / 'log', config, '--work-dir',
                        tmp_path / 'work', '--cfg-options',
                        'default_hooks.checkpoint.interval=100000')
    code = stop_at(training, lambda: '[3][1/4]' in training.output,
                   signal.SIGINT)
    assert code == 130
    assert training.output.endswith(
        ' iterations; there is no checkpoint to resume yet\n')


def test_one_training_in_a_folder(tmp_path):
    """The lock ends with a kill, although workers live on."""
    work = tmp_path / 'work'
    config = write_config(tmp_path / 'config.py', train_cfg=ENDLESS)
    arguments = [config, '--work-dir', work, '--cfg-options',
                 'train_dataloader.num_workers=1',
                 'default_hooks.checkpoint.max_keep_ckpts=1']
    first = Training(tmp_path / 'first', *arguments)
    first.wait_for((work / 'epoch_1.pth').exists)

    second = Training(tmp_path / 'second', *arguments)
    assert second.end() == 1
    line = second.output.splitlines()[-1]
    assert line == (
        f'error: {work} is in use by another training (process '
        f'{first.process.pid} on {os.uname().nodename}): stop that one, or '
        'give another --work-dir')

    worker = first.workers[0]  # what comes after it is about to be git
    os.kill(first.process.pid, signal.SIGKILL)
    assert first.end() == -signal.SIGKILL
    third = Training(tmp_path / 'third', config, '--resume', '--work-dir', work,
                     '--cfg-options', 'train_cfg.max_epochs=1')
    assert third.end() == 0
    os.kill(worker, 0)  # it is still there
    assert 'Resuming from' in third.output
    assert 'Nothing is left to train' in third.output


def test_a_full_disk(tmp_path):
    """The third checkpoint finds no room; two are whole, and go on later."""
    work = tmp_path / 'work'
    config = write_config(tmp_path / 'config.py')

    def prepare():
        replace = os.replace

        def replaced(source, target):
            replace(source, target)
            if target == f'{work}/epoch_2.pth':
                size = os.path.getsize(target) // 2
                resource.setrlimit(resource.RLIMIT_FSIZE, (size, size))

        os.replace = replaced

    training = Training(tmp_path / 'log', config, '--work-dir', work,
                        prepare=prepare)
    assert training.end() == 1
    assert training.output.splitlines()[-1] == (
        f'error: cannot write {work}/epoch_3.pth (File too large): free space '
        'there or lower default_hooks.checkpoint.max_keep_ckpts. The '
        'checkpoints before it are whole: --resume goes on from them')
    assert 'Traceback' not in training.output
    assert sorted(path.name for path in work.glob('*.p*')) == [
        'config.py', 'epoch_1.pth', 'epoch_2.pth'
    ]
    later = Training(tmp_path / 'later', config, '--resume', '--work-dir', work)
    assert later.end() == 0
    assert 'resumed epoch: 2, iter: 8' in later.output
