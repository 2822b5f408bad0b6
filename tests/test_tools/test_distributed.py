"""Two CPU processes train as one does."""
import json
import signal
import socket
import subprocess
import sys

import mmengine
import pytest
import torch

from tests.tools import ROOT, run_tool, start_tool

DISTILLED = ROOT / 'configs/demo/student-distilled.py'


@pytest.fixture
def port():
    """A free port."""
    with socket.socket() as server:
        server.bind(('127.0.0.1', 0))
        return str(server.getsockname()[1])


@pytest.fixture
def recorded(tmp_path):
    """The demo's student on unaltered images, writing down its losses."""
    path = tmp_path / 'recorded.py'
    path.write_text(f"""
_base_ = '{DISTILLED}'
custom_imports = dict(imports=['tests.test_tools.record'])
default_hooks = dict(record=dict(type='RecordHook'))
model = dict(train_cfg=None)
train_dataloader = dict(dataset=dict(pipeline=[dict(type='PackInputs')]))
""")
    return path


def read(work_dir, rank):
    return json.loads((work_dir / f'rank{rank}.json').read_text())


def test_losses_equal_those_of_one_process(recorded, distilled_options, port,
                                           tmp_path):
    output = start_tool('tools/dist_train.sh', recorded, 2, '--work-dir',
                      tmp_path / 'two', *distilled_options,
                      'train_dataloader.batch_size=8', PORT=port)
    assert 'No accelerator found: distributing over gloo.' in output
    run_tool('tools/train.py', recorded, '--work-dir', tmp_path / 'one',
             *distilled_options)

    one = read(tmp_path / 'one', 0)
    first, second = (read(tmp_path / 'two', rank) for rank in (0, 1))
    assert len(one['losses']) == len(first['losses']) == 8
    for whole, *halves in zip(one['losses'], first['losses'],
                              second['losses']):
        for name in ('loss', 'loss_cls', 'loss_distill'):
            mean = sum(half[name] for half in halves) / 2
            assert mean == pytest.approx(whole[name], abs=1e-4), name

    # No bucket of DDP holds a parameter of the teacher.
    checkpoint = torch.load(tmp_path / 'two/epoch_2.pth', weights_only=True)
    assert first['reduced'] == len(checkpoint['optimizer']['state'])
    assert first['reduced'] == len(checkpoint['state_dict'])

    # Testing on both equals testing on one.
    test = [DISTILLED, tmp_path / 'two/epoch_2.pth']
    options = [
        '--out-item', 'metrics', '--work-dir', tmp_path,
        *distilled_options
    ]
    start_tool('tools/dist_test.sh', *test, 2, '--out', tmp_path / 'two.json',
             *options, PORT=port)
    run_tool('tools/test.py', *test, '--out', tmp_path / 'one.json', *options)
    one, two = (mmengine.load(tmp_path / f'{n}.json') for n in ('one', 'two'))
    assert len(one) == 6 and one == two


def test_an_error_is_said_once(distilled_options, port, tmp_path):
    output = start_tool(
        'tools/dist_train.sh', DISTILLED, 2, '--work-dir', tmp_path,
        *distilled_options, 'model.head.loss.alpha=2', PORT=port, code=1)
    assert output.count('error: DistillationLoss: alpha is 2') == 1
    assert 'Traceback' not in output


@pytest.mark.parametrize('tool, args', [
    ('dist_train.sh', ['config.py', '8', '--amp']),
    ('dist_test.sh', ['config.py', 'model.pth', '8', '--amp']),
    ('dist_cache_teacher.sh', ['config.py', '8', '--amp']),
])
def test_nodes_are_passed_on(tool, args, tmp_path):
    """With a python that prints its arguments."""
    python = tmp_path / 'python'
    python.write_text('#!/bin/sh\necho "$@"\n')
    python.chmod(0o755)
    output = start_tool(
        f'tools/{tool}',
        *args,
        PATH=f'{tmp_path}:/usr/bin:/bin',
        NNODES='2',
        NODE_RANK='1',
        MASTER_ADDR='10.0.0.1',
        PORT='1234')
    assert ('--nnodes=2 --node_rank=1 --master_addr=10.0.0.1 '
            '--master_port=1234 --nproc_per_node=8') in output
    assert output.strip().endswith(
        f'{" ".join(args[:-2])} --launcher pytorch --amp')


TOOLS = ['dist_train.sh', 'dist_test.sh', 'dist_cache_teacher.sh',
         'slurm_train.sh', 'slurm_test.sh', 'slurm_cache_teacher.sh']


@pytest.mark.parametrize('tool', TOOLS)
def test_no_shell_keeps_a_signal_to_itself(tool, tmp_path):
    """The process that a script starts takes its place."""
    for name in ('python', 'srun'):
        (tmp_path / name).write_text('#!/bin/sh\necho $$\n')
        (tmp_path / name).chmod(0o755)
    process = subprocess.Popen(
        ['bash', ROOT / 'tools' / tool, '1', '2', '3', '4'],
        env=dict(PATH=f'{tmp_path}:/usr/bin:/bin'), stdout=subprocess.PIPE,
        text=True)
    assert process.communicate()[0] == f'{process.pid}\n'


def test_torchrun_passes_a_signal_on(port, tmp_path):
    """And says nothing of processes that end by it."""
    script = tmp_path / 'rank.py'
    script.write_text("""
import os, signal

def save(number, _):
    os.write(1, b'saved\\n')
    signal.signal(number, signal.SIG_DFL)
    signal.raise_signal(number)

signal.signal(signal.SIGUSR1, save)
os.write(1, b'ready\\n')
signal.pause()
""")
    process = subprocess.Popen(
        [sys.executable, ROOT / 'tools/torchrun.py', '--nproc_per_node=2',
         f'--master_port={port}', script],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert [process.stdout.readline() for _ in range(2)] == 2 * ['ready\n']
    process.send_signal(signal.SIGUSR1)
    output, errors = process.communicate()
    assert process.returncode == 128 + signal.SIGUSR1
    assert 'saved' in output and 'error: process' not in errors


@pytest.mark.parametrize('tool', TOOLS)
def test_usage(tool):
    output = start_tool(f'tools/{tool}', code=2)
    assert 'Usage: ' in output and f'tools/{tool}' in output


def test_slurm_passes_everything_on(tmp_path):
    """With an srun that prints its arguments."""
    srun = tmp_path / 'srun'
    srun.write_text('#!/bin/sh\necho "$@"\n')
    srun.chmod(0o755)
    output = start_tool(
        'tools/slurm_train.sh',
        'gpu',
        'job',
        'config.py',
        'work',
        '--amp',
        PATH=f'{tmp_path}:/usr/bin:/bin',
        GPUS='16',
        SRUN_ARGS='--qos high')
    assert '-p gpu --job-name=job --gres=gpu:8 --ntasks=16' in output
    assert '--signal=USR1@300 --qos high python -u' in output
    assert output.strip().endswith(
        'config.py --work-dir=work --launcher slurm --amp')
