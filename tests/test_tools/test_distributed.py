"""Two CPU processes train as one does."""
import json
import socket

import pytest
import torch

from .conftest import ROOT, run_tool

DISTILLED = ROOT / 'configs/demo/student-distilled.py'

if torch.cuda.is_available():
    # They would run on GPUs, of which there may be one.
    pytest.skip('for machines without an accelerator', allow_module_level=True)


@pytest.fixture
def port():
    """A free port."""
    with socket.socket() as server:
        server.bind(('127.0.0.1', 0))
        return str(server.getsockname()[1])


@pytest.fixture
def without_randomness(distilled_options):
    """Images as they are, whose losses tests.test_tools.record collects."""
    return [
        *distilled_options,
        "train_dataloader.dataset.pipeline=[{'type':'PackInputs'}]",
        'model.train_cfg=None',
        "custom_imports={'imports':['tests.test_tools.record']}",
        'default_hooks.record.type=RecordHook'
    ]


def read(work_dir, rank):
    return json.loads((work_dir / f'rank{rank}.json').read_text())


def test_losses_equal_those_of_one_process(without_randomness, port, tmp_path):
    output = run_tool('tools/dist_train.sh', DISTILLED, 2, '--work-dir',
                      tmp_path / 'two', *without_randomness,
                      'train_dataloader.batch_size=8', PORT=port)
    assert 'No accelerator found: distributing over gloo.' in output
    run_tool('tools/train.py', DISTILLED, '--work-dir', tmp_path / 'one',
             *without_randomness, PYTHONPATH=str(ROOT))

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

    output = run_tool('tools/dist_test.sh', DISTILLED,
                      tmp_path / 'two/epoch_2.pth', 2, '--work-dir',
                      tmp_path / 'two', *without_randomness[:-3],
                      PORT=port)
    assert 'accuracy/distill_top1' in output


@pytest.mark.parametrize('tool', [
    'dist_train.sh', 'dist_test.sh', 'slurm_train.sh', 'slurm_test.sh'
])
def test_usage(tool):
    output = run_tool(f'tools/{tool}', check=False)
    assert 'Usage: ' in output and f'tools/{tool}' in output


def test_slurm_passes_everything_on(tmp_path):
    """With an srun that prints its arguments."""
    srun = tmp_path / 'srun'
    srun.write_text('#!/bin/sh\necho "$@"\n')
    srun.chmod(0o755)
    output = run_tool(
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
    assert '--qos high python -u' in output
    assert output.strip().endswith(
        'config.py --work-dir=work --launcher slurm --amp')
