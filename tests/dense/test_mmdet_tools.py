"""The detectors of ``configs/mmdet`` in the tools of mmdet and of mmdeit."""
import json
from pathlib import Path

import mmdet
import pytest
import torch

from tests.tools import ROOT, start_tool

from .coco import IMAGES, MASK

TOOLS = Path(mmdet.__file__).parent / '.mim/tools'  # its wheel has them there


def write(cfg, path):
    """Write a config to a file, and return the path."""
    path.write_text(cfg.pretty_text)
    return path


@pytest.mark.parametrize('hook', ['mmdeit.CheckpointHook', 'CheckpointHook'])
def test_mmdets_own_tools(hook, small_detector, tmp_path):
    """With what the hook of either project writes."""
    cfg = small_detector(MASK)
    cfg.default_hooks.checkpoint.type = hook
    path = write(cfg, tmp_path / 'mask-rcnn.py')
    start_tool(TOOLS / 'train.py', path)
    checkpoint = tmp_path / 'work/epoch_1.pth'
    if hook == 'mmdeit.CheckpointHook':
        torch.load(checkpoint, weights_only=True)
    output = start_tool(TOOLS / 'train.py', path, '--resume', '--cfg-options',
                        'train_cfg.max_epochs=2', 'log_level=INFO')
    assert 'resumed epoch: 1, iter: 2' in output
    output = start_tool(TOOLS / 'test.py', path, checkpoint, '--cfg-options',
                        'log_level=INFO')
    assert 'coco/segm_mAP' in output


def test_this_projects_tools_on_two_processes(small_detector, tmp_path, port):
    cfg = small_detector(MASK)
    cfg.custom_imports = dict(imports=['tests.test_tools.record'])
    cfg.custom_hooks = [dict(type='RecordHook')]
    cfg.optim_wrapper.type = 'AmpOptimWrapper'
    cfg.train_dataloader.batch_size = 1
    path = write(cfg, tmp_path / 'mask-rcnn.py')
    output = start_tool('tools/dist_train.sh', path, 2, PORT=port)
    assert 'No accelerator found: distributing over gloo.' in output
    assert 'No accelerator found: training in fp32.' in output

    checkpoint = tmp_path / 'work/epoch_1.pth'
    state = torch.load(checkpoint, weights_only=True)
    ranks = [
        json.loads((tmp_path / f'work/rank{rank}.json').read_text())
        for rank in (0, 1)
    ]
    # Half of the images each, and no parameter without a gradient.
    for rank in ranks:
        assert len(rank['losses']) == IMAGES // 2
        assert rank['reduced'] == len(state['optimizer']['state'])
    assert ranks[0]['losses'] != ranks[1]['losses']

    # Testing on both equals testing on one.
    options = [
        '--out-item', 'metrics', '--work-dir', tmp_path, '--cfg-options',
        'custom_hooks=[]'
    ]
    start_tool('tools/dist_test.sh', path, checkpoint, 2, '--out',
               tmp_path / 'two.json', *options, PORT=port, PYTHONPATH=str(ROOT))
    start_tool('tools/test.py', path, checkpoint, '--out',
               tmp_path / 'one.json', '--show-dir', tmp_path / 'drawn',
               *options, PYTHONPATH=str(ROOT))
    assert len([*tmp_path.glob('drawn/*.jpg')]) == IMAGES
    one, two = (
        json.loads((tmp_path / f'{name}.json').read_text())
        for name in ('one', 'two'))
    assert 'coco/bbox_mAP' in one and 'coco/segm_mAP' in one and one == two
