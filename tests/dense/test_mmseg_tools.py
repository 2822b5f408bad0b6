"""The segmentors of ``configs/mmseg`` in the tools of mmseg and of mmdeit."""
import json
from pathlib import Path

import mmseg
import pytest

from tests.tools import ROOT, start_tool

from .ade import CROP, IMAGES, LINEAR, UPERNET

TOOLS = Path(mmseg.__file__).parent / '.mim/tools'  # its wheel has them there


def write(cfg, path):
    """Write a config to a file, and return the path."""
    path.write_text(cfg.pretty_text)
    return path


def test_mmsegs_own_tools(small_segmentor, tmp_path):
    """With mmengine's own hook, which every config of mmseg has."""
    cfg = small_segmentor(UPERNET)
    cfg.default_hooks.checkpoint.type = 'CheckpointHook'
    path = write(cfg, tmp_path / 'upernet.py')
    start_tool(TOOLS / 'train.py', path)
    checkpoint = tmp_path / 'work/iter_2.pth'
    output = start_tool(TOOLS / 'train.py', path, '--resume', '--cfg-options',
                        'train_cfg.max_iters=3', 'log_level=INFO')
    assert 'resumed epoch: 0, iter: 2' in output
    output = start_tool(TOOLS / 'test.py', path, checkpoint, '--cfg-options',
                        'log_level=INFO')
    assert 'mIoU' in output


def test_this_projects_tools(small_segmentor, tmp_path):
    path = write(small_segmentor(LINEAR), tmp_path / 'linear.py')
    start_tool('tools/train.py', path)
    checkpoint, out = tmp_path / 'work/iter_2.pth', tmp_path / 'out.json'
    start_tool('tools/test.py', path, checkpoint, '--out', out, '--out-item',
               'metrics', '--show-dir', tmp_path / 'drawn')
    assert [*tmp_path.glob('drawn/**/*.png')]
    output = start_tool('tools/test.py', path, checkpoint, '--tta', code=1)
    assert output.splitlines()[-1].startswith(
        'error: --tta needs tta_model and tta_pipeline in the config')
    assert set(json.loads(out.read_text())) == {'aAcc', 'mIoU', 'mAcc'}


def read(folder, rank):
    return json.loads((folder / f'rank{rank}.json').read_text())['losses']


def test_two_processes_train_as_one(small_segmentor, tmp_path, port):
    """On images that are not augmented, without batch norm."""
    cfg = small_segmentor(LINEAR)
    cfg.model.backbone.drop_path_rate = 0.
    pipeline = cfg.train_dataloader.dataset.pipeline
    cfg.train_dataloader.dataset.pipeline = [
        *pipeline[:2],
        dict(type='Resize', scale=(CROP, CROP), keep_ratio=False),
        pipeline[-1],
    ]
    cfg.custom_imports = dict(imports=['tests.test_tools.record'])
    cfg.default_hooks.record = dict(type='RecordHook')
    cfg.train_dataloader.batch_size = IMAGES // 2
    cfg.auto_scale_lr.base_batch_size = IMAGES  # two passes of one process
    path = write(cfg, tmp_path / 'linear.py')
    output = start_tool('tools/dist_train.sh', path, 2, '--work-dir',
                        tmp_path / 'two', PORT=port)
    assert 'No accelerator found: distributing over gloo.' in output
    start_tool('tools/train.py', path, '--work-dir', tmp_path / 'one',
               PYTHONPATH=str(ROOT))
    one = read(tmp_path / 'one', 0)
    first, second = (read(tmp_path / 'two', rank) for rank in (0, 1))
    assert len(one) == len(first) == len(second) == 2
    for whole, *halves in zip(one, first, second):
        mean = sum(half['loss'] for half in halves) / 2
        assert mean == pytest.approx(whole['loss'], abs=1e-4)


def test_two_processes_with_sync_bn(small_segmentor, tmp_path, port):
    cfg = small_segmentor(UPERNET)
    assert cfg.model.decode_head.norm_cfg.type == 'SyncBN'
    cfg.auto_scale_lr.base_batch_size = IMAGES  # a batch norm wants two
    path = write(cfg, tmp_path / 'upernet.py')
    output = start_tool('tools/dist_train.sh', path, 2, PORT=port)
    assert 'SyncBN is BN in each process' in output
    assert (tmp_path / 'work/iter_2.pth').is_file()
