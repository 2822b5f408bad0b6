import mmengine
import pytest
from mmengine.config import Config
from mmengine.registry import MODELS

from mmdeit.cli import find_teacher_hook
from tests.processes import forkserver
from tests.tools import ROOT, run_tool

TOOL = 'tools/analysis_tools/benchmark_train.py'


@pytest.fixture(autouse=True)
def quick_starts(monkeypatch):
    """Start the tool's processes without importing torch in each."""
    monkeypatch.setattr('multiprocessing.get_context', lambda _: forkserver())


def test_stages_and_memory(distilled_options, tmp_path):
    out = tmp_path / 'speed.json'
    output = run_tool(TOOL, ROOT / 'configs/demo/student-distilled.py',
                      '--iters', 2, '--warmup', 1, '--rounds', 2, '--out', out,
                      '--work-dir', tmp_path, *distilled_options)
    assert 'images per second' in output
    summaries = mmengine.load(out)
    assert list(summaries) == ['without teacher', 'with teacher',
                               'filling a cache', 'from the cache']
    for name, summary in summaries.items():
        assert summary['iterations'] == 4
        assert len(summary['rounds']) == 2
        assert summary['images_per_second'] > 0
        assert summary['peak_memory'] > 2**20
        stages = dict(summary['stages'])
        step = stages.pop('step')
        assert sum(s['share'] for s in stages.values()) == pytest.approx(1)
        assert step['p10_ms'] <= step['median_ms'] <= step['p90_ms']
        has_teacher = name in ('with teacher', 'filling a cache')
        assert (stages['teacher']['median_ms'] > 0) == has_teacher
        for stage in ('data loading', 'preprocessing', 'student forward',
                      'backward', 'optimiser'):
            assert stages[stage]['median_ms'] > 0, stage


def test_random_teacher_and_undistilled(options, tmp_path):
    out = tmp_path / 'speed.json'
    run_tool(TOOL, ROOT / 'configs/demo/student.py', '--iters', 1, '--warmup',
             0, '--random-teacher', '--out', out, '--work-dir', tmp_path,
             *options)
    assert list(mmengine.load(out)) == ['no teacher']


@pytest.mark.parametrize('config', [
    'deit/deit-tiny-distilled', 'deit/deit-tiny-usual-soft',
    'students/resnet50-usual-soft', 'students/levit-128s-distilled'
])
def test_every_kind_of_student_without_its_teacher(config, monkeypatch):
    monkeypatch.syspath_prepend(ROOT / 'tools/analysis_tools')
    from benchmark_train import make_configs, switch_off_distillation
    cfg = Config.fromfile(ROOT / f'configs/{config}.py')
    alone = make_configs(cfg, 1, '')['without teacher']
    assert find_teacher_hook(alone) is None
    model = MODELS.build({
        **alone.model, 'data_preprocessor': alone.data_preprocessor
    })
    assert model.head.loss_module.needs_teacher
    switch_off_distillation(model)
    assert not model.head.loss_module.needs_teacher
