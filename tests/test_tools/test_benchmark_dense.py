import mmengine

from .conftest import run_tool

TOOL = 'tools/analysis_tools/benchmark_dense.py'


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
        assert 0 < result['forward_ms'] < result['step_ms']
        assert 0 < result['forward_peak'] < result['step_peak']
