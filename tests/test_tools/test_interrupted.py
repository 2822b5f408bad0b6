"""A training that is stopped, killed, or has no room to write."""
import os
import resource
import signal
import time
import zipfile

import pytest

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


@pytest.mark.parametrize('number, to, num_workers', [
    (signal.SIGTERM, 'training', 0),
    (signal.SIGTERM, 'group', 2),
    (signal.SIGTERM, 'workers first', 2),
    (signal.SIGINT, 'group', 2),
])
def test_a_signal_ends_in_one_line(tmp_path, number, to, num_workers):
    """To the process alone, or as Ctrl-C and slurm do, to its workers too."""
    work = tmp_path / 'work'
    config = write_config(tmp_path / 'config.py', train_cfg=ENDLESS)
    training = Training(
        tmp_path / 'log', config, '--work-dir', work, '--cfg-options',
        f'train_dataloader.num_workers={num_workers}',
        'default_hooks.checkpoint.max_keep_ckpts=2')
    code = stop_at(training, (work / 'epoch_3.pth').exists, number, to)
    assert code == 128 + number
    last = (work / 'last_checkpoint').read_text()
    line = training.output.splitlines()[-1]
    assert line.startswith(f'{number.name}: stopped in epoch ')
    assert line.endswith(f' iterations; --resume goes on from {last}')
    assert 'Traceback' not in training.output
    assert training.output.count(number.name) == 1
    assert not list(work.glob('*.part'))
    assert all(zipfile.ZipFile(path).testzip() is None
               for path in work.glob('*.pth'))


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

    worker, = first.workers
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
