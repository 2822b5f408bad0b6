import json
from argparse import Namespace

import pytest

from tests.tools import ROOT, run_tool

TOOL = 'tools/analysis_tools/estimate_recipe.py'
ASSUMED = Namespace(peak=1e-6, fraction=.5, launch=10., bandwidth=1e-6,
                    images_per_core=2.)


@pytest.fixture(autouse=True)
def beside(monkeypatch):
    """Let the modules beside the tool be found."""
    monkeypatch.syspath_prepend(ROOT / 'tools/analysis_tools')


def test_counts_what_the_paper_has(tmp_path):
    out = tmp_path / 'needs'
    run_tool(TOOL, ROOT / 'configs/deit/deit-tiny.py', '--out', out)
    row, = json.loads(out.with_suffix('.json').read_text())
    assert row['parameters'] == pytest.approx(5.7e6, rel=.01)
    # 1.3 G with timm's counting, of which attention is a seventh
    assert row['student'] == pytest.approx(1.26e9, rel=.01)
    assert row['teacher'] == 0
    assert row['views'] == 300 * 1281167
    assert row['memory'] > 20 * row['parameters']
    assert '| deit-tiny | 64 |' in out.with_suffix('.md').read_text()


def test_bounds_and_hours_by_hand():
    from estimate_recipe import bounds, hours
    cost = dict(student=10, teacher=20, parameters=1000, calls=100, views=3600,
                batch=16, part=1)
    # 2 images: 2 x (3 x 10 + 20) x 2 = 200 operations of 5e5 a second
    found = bounds(cost, 8, ASSUMED)
    assert found['FLOPs'] == pytest.approx(4e-4)
    assert found['launches'] == pytest.approx(2e-3)  # two passes
    assert found['all-reduce'] == pytest.approx(7)  # 2 x 7/8 x 4,000 bytes
    assert found['bound'] == 'all-reduce'
    assert found['cores'] == pytest.approx(2 / 7 / 2)
    # of 8 GPUs, with and without the teacher
    assert hours(cost, ASSUMED, True) == pytest.approx(100 / 4e6)
    assert hours(cost, ASSUMED, False) == pytest.approx(60 / 4e6)
    assert hours(dict(cost, views=None), ASSUMED, True) is None


def test_bad_input():
    last = run_tool(TOOL, 'missing.py', code=1).splitlines()[-1]
    assert last.startswith('error: no config at missing.py')
    last = run_tool(TOOL, '--fraction', 2, code=2).splitlines()[-1]
    assert 'a --fraction of at most 1' in last
