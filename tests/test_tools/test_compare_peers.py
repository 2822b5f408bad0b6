import json
import sys

import pytest
import torch
from mmengine.registry import MODELS

from mmdeit.cli import find_teacher_hook
from tests.processes import forkserver
from tests.tools import ROOT, run_tool

TOOL = 'tools/analysis_tools/compare_peers.py'


@pytest.fixture(autouse=True)
def peers(monkeypatch):
    """Let the modules beside the tool be found, and start at once."""
    monkeypatch.syspath_prepend(ROOT / 'tools/analysis_tools')
    monkeypatch.setattr('peers.turns.start_context', forkserver)


def test_all_take_turns(tmp_path):
    out = tmp_path / 'docs/performance'
    output = run_tool(TOOL, '--preset', 'tiny', '--out', out)
    assert 'as the official loop' in output
    rows = json.loads(out.with_suffix('.json').read_text())
    assert [row['method'] for row in rows] == [
        'undistilled', 'ours', 'ours-cached', 'timm', 'official']
    for row in rows:
        assert len(row['rounds']) == 2
        assert min(row['rounds']) <= row['images_per_second']
        assert row['peak_memory'] > 2**20
        assert {'torch', 'timm', 'mmdeit', 'date', 'device'} <= row.keys()
        assert sum(row['shares'].values()) == pytest.approx(1)
        asks = row['method'] not in ('undistilled', 'ours-cached')
        assert ('teacher' in row['shares']) == asks
        assert row['shares']['backward'] > 0
    table = out.with_suffix('.md').read_text()
    assert table.count('\n| 2 blocks of width 16 | ') == len(rows)


def test_images_of_a_folder(tmp_path):
    from peers.ready_batches import ready_batches
    with pytest.raises(ValueError, match='has no image'):
        ready_batches(2, 8, 4, tmp_path)
    import cv2
    import numpy as np
    for value in (10, 20):
        cv2.imwrite(str(tmp_path / f'{value}.png'),
                    np.full((9, 12, 3), value, np.uint8))
    batches = ready_batches(2, 8, 4, tmp_path)
    for images, labels in batches:
        assert images.shape == (2, 3, 8, 8) and labels.shape == (2, )
        assert images[:, 0, 0, 0].tolist() == [10, 20]


@pytest.mark.parametrize('preset, student', [
    ('gpu', 'DeiT-Ti'), ('gpu', 'DeiT-B'), ('cpu', '6 blocks of width 96')])
def test_the_same_networks(preset, student, tmp_path):
    from peers import loops, ours, presets
    preset = presets.PRESETS[preset]
    size = preset.students[student]
    cfg = ours.our_config(preset, size, str(tmp_path))
    with torch.device('meta'):
        theirs = loops.create_networks(preset, size)
        found = (MODELS.build(cfg.model),
                 MODELS.build(find_teacher_hook(cfg).teacher.model))
    for our, their in zip(found, theirs):
        # of each tensor, in whatever order
        assert shapes(our) == shapes(their)


def shapes(network):
    return sorted(tuple(p.shape) for p in network.parameters())


def test_compiles_what_this_release_can(monkeypatch):
    from peers.presets import supported

    from mmdeit import hooks
    monkeypatch.setattr(hooks, 'CompileHook', object, raising=False)
    assert supported(['ours', 'ours-compiled']) == ['ours', 'ours-compiled']
    monkeypatch.delattr(hooks, 'CompileHook')
    assert supported(['ours', 'ours-compiled']) == ['ours']


def test_ratios_are_of_the_same_round():
    from peers.report import ratios, table
    row = dict(
        student='S', images_per_second=20., peak_memory=2**30, batch=4, size=8,
        iters=1, teacher='T', device='CPU', date='today', torch='2',
        shares={'teacher': .5, 'student forward': .2, 'backward': .1,
                'optimiser': .2})
    ours = dict(row, method='ours', rounds=[20., 10., 40.])
    timm = dict(row, method='timm', rounds=[10., 10., 10.])
    assert ratios(timm, ours) == [.5, 1, .25]
    lines = table([timm, ours]).splitlines()
    assert lines[-2] == (
        '| S | timm | 20 | 0.50 (0.25 - 1.00) | 1.00 | 50% | 30% | 20% |')
    assert lines[-1].startswith('| S | ours, the teacher live | 20 | 1 |')


def test_a_training_that_fails_says_why(tmp_path):
    output = run_tool(TOOL, '--preset', 'tiny', '--methods', 'ours', '--iters',
                      1, '--data-root', tmp_path, code=1)
    assert output.splitlines()[-1].startswith(
        f'error: {tmp_path} has no image')


def test_without_timm(monkeypatch):
    import peers
    monkeypatch.delattr(peers, 'loops', raising=False)
    monkeypatch.delitem(sys.modules, 'peers.loops', raising=False)
    monkeypatch.setitem(sys.modules, 'timm.task', None)
    last = run_tool(TOOL, '--preset', 'tiny', code=1).splitlines()[-1]
    assert last.startswith('error: the peers need timm')
    assert 'pip install "timm>=1.0.25"' in last
    assert last.endswith('--methods undistilled ours ours-cached')


@pytest.mark.parametrize('arguments, message', [
    (['--preset', 'huge'], "invalid choice: 'huge'"),
    (['--methods', 'lightning'], "invalid choice: 'lightning'"),
    (['--rounds', '0'], '--rounds is 0: give a number from 1'),
    (['--batch', '3'], 'give an even number'),
])
def test_bad_arguments(arguments, message):
    assert message in run_tool(TOOL, *arguments, code=2).splitlines()[-1]


def test_unknown_student():
    output = run_tool(TOOL, '--students', 'DeiT-L', code=1)
    assert 'choose from 6 blocks of width 96' in output
