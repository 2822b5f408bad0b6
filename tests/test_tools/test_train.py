import pickle

import cv2
import mmengine
import numpy as np
import pytest
import torch
from mmengine.registry import MODELS

from tests.tools import ROOT, run_tool, start_tool

DISTILLED = ROOT / 'configs/demo/student-distilled.py'
BASE = ROOT / 'configs/deit/deit-base-distilled.py'


def test_train_resume_and_test(distilled_options, tmp_path):
    """Train, go on from a checkpoint, and evaluate all heads."""
    work = ['--work-dir', tmp_path]
    output = start_tool('tools/train.py', DISTILLED, *work, *distilled_options)
    assert 'loss_cls' in output and 'loss_distill' in output
    assert 'teacher_agreement' in output

    output = run_tool('tools/train.py', DISTILLED, '--resume', *work,
                      *distilled_options, 'train_cfg.max_epochs=3')
    assert 'resumed epoch: 2, iter: 8' in output
    assert 'Epoch(train) [3][4/4]' in output

    # Testing needs no teacher.
    out = tmp_path / 'metrics.json'
    options = [
        *distilled_options[:-1],
        'default_hooks.teacher.teacher.checkpoint=none.pth'
    ]
    run_tool('tools/test.py', DISTILLED, tmp_path / 'epoch_3.pth', '--out',
             out, '--out-item', 'metrics', '--show-dir', tmp_path / 'drawn',
             '--interval', 8, *work, *options)
    assert len([*tmp_path.glob('drawn/**/*.png')]) == 4
    metrics = mmengine.load(out)
    assert {
        f'accuracy/{head}top{k}'
        for head in ('', 'class_', 'distill_') for k in (1, 5)
    } <= set(metrics)


def test_predictions_are_written(distilled_options, tmp_path):
    work = ['--work-dir', tmp_path]
    run_tool('tools/train.py', DISTILLED, '--no-validate', *work,
             *distilled_options)
    run_tool('tools/test.py', DISTILLED, tmp_path / 'epoch_2.pth', '--tta',
             '--out', tmp_path / 'pred.pkl', *work, *distilled_options)
    predictions = pickle.loads((tmp_path / 'pred.pkl').read_bytes())
    assert len(predictions) == 32
    assert predictions[0]['pred_score'].shape == (10, )


def test_says_that_it_runs_in_fp32(distilled_options, tmp_path):
    output = run_tool('tools/train.py', DISTILLED, '--amp', '--work-dir',
                      tmp_path, *distilled_options, 'train_cfg.max_epochs=1')
    assert 'No accelerator found: training in fp32.' in output


def test_auto_scale_lr(distilled_options, tmp_path):
    args = [DISTILLED, '--auto-scale-lr', '--work-dir', tmp_path]
    output = run_tool('tools/train.py', *args, *distilled_options, code=1)
    assert 'add auto_scale_lr = dict(base' in output.splitlines()[-1]
    output = run_tool('tools/train.py', *args, *distilled_options,
                      'auto_scale_lr.base_batch_size=64',
                      'train_cfg.max_epochs=1')
    assert 'LR is set based on batch size of 64' in output


@pytest.mark.parametrize('tool', ['train', 'test'])
def test_help(tool):
    output = run_tool(f'tools/{tool}.py', '--help')
    assert '--work-dir' in output and '--cfg-options' in output


def test_the_traceback_can_be_seen(options, tmp_path):
    output = run_tool('tools/test.py', DISTILLED, 'none.pth', '--traceback',
                      '--work-dir', tmp_path, *options, code=1)
    assert 'Traceback' in output
    assert 'FileNotFoundError: no checkpoint' in output


def test_resume_of_nothing_starts_from_load_from(options, tmp_path):
    """As scripts on a cluster do, that always say --resume."""
    config = ROOT / 'configs/demo/student.py'
    first = [config, '--work-dir', tmp_path / 'first', *options]
    run_tool('tools/train.py', *first, 'train_cfg.max_epochs=1')
    output = run_tool(
        'tools/train.py', config, '--resume', '--work-dir', tmp_path / 'second',
        *options, f'load_from={tmp_path}/first/epoch_1.pth',
        'train_cfg.max_epochs=1')
    assert 'Nothing to resume in' in output
    assert f'Load checkpoint from {tmp_path}/first/epoch_1.pth' in output


@pytest.mark.parametrize('arguments, message', [
    (['tools/test.py', 'a.py', 'b.pth', '--out', 'c.txt', '--out-item',
      'metrics'], 'give a name ending in .json or .yml'),
    (['tools/test.py', 'a.py', 'b.pth', '--tta', '--show-dir', 'c'],
     'leave it out to show predictions'),
])
def test_wrong_use(arguments, message):
    output = run_tool(*arguments, code=2)
    assert message in output.splitlines()[-1]


@pytest.mark.parametrize('arguments, message', [
    (['tools/dist_train.sh', 'a.py', '--work-dir', 'b'],
     'tools/dist_train.sh CONFIG GPUS [--option ...]'),
    (['tools/dist_test.sh', 'a.py', 'b.pth'],
     'tools/dist_test.sh CONFIG CHECKPOINT GPUS [--option ...]'),
    (['tools/dist_cache_teacher.sh', 'a.py', '--cache', 'b'],
     'tools/dist_cache_teacher.sh CONFIG GPUS [--option ...]'),
    (['tools/slurm_cache_teacher.sh', 'gpus', 'a.py'],
     'tools/slurm_cache_teacher.sh PARTITION JOB_NAME CONFIG [--option ...]'),
])
def test_wrong_use_of_a_launcher(arguments, message):
    output = start_tool(*arguments, code=2)
    assert message in output.splitlines()[-1]


@pytest.fixture(scope='module')
def imagenet(tmp_path_factory):
    """A few images in ImageNet's layout, with its lists of labels."""
    root = tmp_path_factory.mktemp('imagenet')
    rng = np.random.default_rng(0)
    (root / 'meta').mkdir()
    for split in ('train', 'val'):
        lines = []
        for i in range(4):
            name = f'n{i:08d}/image.JPEG'
            path = root / split / name
            path.parent.mkdir(parents=True)
            cv2.imwrite(str(path), rng.integers(0, 255, (240, 260, 3)))
            lines.append(f'{name} {250 * i}\n')
        (root / 'meta' / f'{split}.txt').write_text(''.join(lines))
    return root


def imagenet_options(root):
    return [
        '--no-validate', '--cfg-options', 'train_dataloader.batch_size=4',
        'auto_scale_lr.base_batch_size=4', 'train_dataloader.num_workers=0',
        f'train_dataloader.dataset.data_root={root}',
        f'val_dataloader.dataset.data_root={root}',
        'default_hooks.checkpoint=None',
        'train_cfg.max_epochs=1', 'param_scheduler=None',
        'default_hooks.logger.interval=1'
    ]


def test_base_with_its_real_teacher(imagenet, tmp_path):
    """deit-base-distilled.py: an iteration with RegNetY-16GF, 83.6 M."""
    cfg = mmengine.Config.fromfile(BASE)
    with torch.device('meta'):  # sizes alone
        model = MODELS.build({
            **cfg.default_hooks.teacher.teacher.model, 'type':
            'mmpretrain.ImageClassifier'
        })
    assert round(sum(p.numel() for p in model.parameters()) / 1e6, 1) == 83.6
    torch.save(
        dict(model={
            name: torch.full(value.shape, 1e-3, dtype=value.dtype)
            for name, value in model.state_dict().items()
        }), tmp_path / 'regnety.pth')
    output = run_tool('tools/train.py', BASE, '--work-dir', tmp_path,
                      *imagenet_options(imagenet),
                      'train_dataloader.batch_size=2',
                      'auto_scale_lr.base_batch_size=2',
                      'train_dataloader.dataset.indices=2',
                      'default_hooks.teacher.preflight=0',
                      'default_hooks.teacher.teacher.checkpoint='
                      f'{tmp_path / "regnety.pth"}')
    assert 'Epoch(train) [1][1/1]' in output
    assert 'loss_distill' in output
