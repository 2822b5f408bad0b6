import runpy

import mmengine
import pytest

from mmdeit.models import DistilledVisionTransformer
from tests.processes import forkserver
from tests.tools import ROOT, run_tool

TOOL = 'tools/analysis_tools/benchmark_dense.py'


@pytest.fixture(autouse=True)
def quick_starts(monkeypatch):
    """Start the tool's processes without importing torch in each."""
    monkeypatch.setattr('multiprocessing.get_context', lambda _: forkserver())


def test_time_and_memory(tmp_path):
    out = tmp_path / 'dense.json'
    output = run_tool(TOOL, '--arch', 'tiny', '--size', 70, '--window', 2,
                      '--iters', 1, '--out', out)
    assert 'tiny, one image of 70x70' in output
    results = mmengine.load(out)['tiny']
    assert list(results) == [
        'global', 'global, checkpointed', 'windows of 2',
        'windows of 2, checkpointed'
    ]
    for result in results.values():
        assert result['forward_ms'] > 0 and result['step_ms'] > 0
        assert 0 < result['forward_peak'] < result['step_peak']


@pytest.mark.parametrize('window, with_cp', [(None, False), (2, True)])
def test_measures_what_a_row_says(window, with_cp, monkeypatch):
    monkeypatch.syspath_prepend((ROOT / TOOL).parent)
    tool = runpy.run_path(ROOT / TOOL)
    built = []

    def build(*args, **kwargs):
        built.append(DistilledVisionTransformer(*args, **kwargs))
        return built[0]

    monkeypatch.setitem(
        tool['measure'].__globals__, 'DistilledVisionTransformer', build)
    tool['measure']('tiny', 32, window, with_cp, iters=1)
    attention = {getattr(layer.attn, 'window_size', None)
                 for layer in built[0].layers}
    assert attention == {None, window}
    assert built[0].with_cp == with_cp
