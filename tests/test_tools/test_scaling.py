import json
from argparse import Namespace

import pytest

from tests.processes import forkserver
from tests.tools import ROOT, run_tool

TOOL = 'tools/analysis_tools/scaling.py'


@pytest.fixture(autouse=True)
def peers(monkeypatch):
    """Let the modules beside the tool be found, and start at once."""
    monkeypatch.syspath_prepend(ROOT / 'tools/analysis_tools')
    monkeypatch.setattr('peers.turns.start_context', forkserver)


def test_two_processes(tmp_path, monkeypatch):
    import scaling
    monkeypatch.setitem(scaling.AXES, 'processes', (2, ))
    scaling.benchmark(Namespace(
        preset='tiny', axes=['processes'], method='undistilled', rounds=1,
        out=tmp_path / 'scaling'))
    row, = json.loads((tmp_path / 'scaling.json').read_text())
    assert row['processes'] == row['value'] == 2 and row['batch'] == 4
    assert row['images_per_second'] > 0 and row['peak_memory'] > 2**20
    table = (tmp_path / 'scaling.md').read_text()
    assert '\n| processes | 2 | ' in table


def test_points():
    from peers.presets import PRESETS
    from scaling import point, value_at
    tiny = PRESETS['tiny']
    for axis, factor, value in (
            ('batch', .5, 2), ('size', 1.5, 48), ('width', 4, 64)):
        preset, student, processes = point(tiny, axis, factor)
        assert value_at(axis, preset, student, processes) == value
        assert processes == 1
        assert student.width // student.heads == 8


def test_bad_arguments():
    last = run_tool(TOOL, '--rounds', '0', code=2).splitlines()[-1]
    assert '--rounds is 0: give a number from 1' in last
