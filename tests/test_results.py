"""The tables of the docs are those that the studies wrote."""
from pathlib import Path

import pytest

from tests.tools import ROOT

STUDIES = sorted(path.stem for path in ROOT.glob('docs/results/*.json')
                 if (ROOT / f'configs/studies/{path.stem}.py').exists())


@pytest.mark.parametrize('name', STUDIES)
def test_a_table_is_of_its_results(name, monkeypatch):
    monkeypatch.syspath_prepend(ROOT / 'tools')
    monkeypatch.chdir(ROOT)
    from studies.report import table
    from studies.results import read_results
    from studies.runs import read_study
    study = read_study(f'configs/studies/{name}.py')
    # An error where a config is no longer that of the results.
    results = read_results(Path(f'docs/results/{name}.json'), study)
    assert list(results) == study.all_runs
    written = Path(f'docs/results/{name}.md').read_text()
    assert table(study, results) == written
    assert written in Path('docs/distillation.md').read_text()


def test_readme_shows_the_demo():
    assert 'demo' in STUDIES
    assert ((ROOT / 'docs/results/demo.md').read_text()
            in (ROOT / 'README.md').read_text())
