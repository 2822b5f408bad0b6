import json

import pytest

from tests.tools import run_tool

TOOL = 'tools/analysis_tools/compare_runs.py'


@pytest.fixture
def write(tmp_path):
    """Write the log of a training, as mmengine does."""

    def write(name, *evaluations):
        log = tmp_path / name / '20260101_000000/vis_data/scalars.json'
        log.parent.mkdir(parents=True)
        lines = [dict(step=1, loss=2.)]
        lines += [dict(step=i + 1, **scalars)
                  for i, scalars in enumerate(evaluations)]
        log.write_text('\n'.join(map(json.dumps, lines)))
        return log.parents[2]

    return write


def test_mean_and_each_seed(write, tmp_path):
    runs = [
        write('plain-seed0', {'accuracy/top1': 1.}, {'accuracy/top1': 30.}),
        write('plain-seed1', {'accuracy/top1': 31.}),
        write('both', {'accuracy/top1': 40., 'accuracy/class_top1': 39.5}),
    ]
    picture = tmp_path / 'new/curves.png'
    lines = run_tool(TOOL, *runs, '--out', picture).splitlines()
    assert sum('30.50 (30.00, 31.00)' in line and ' plain ' in line
               for line in lines) == 1
    assert sum('40.00 (40.00)' in line and '39.50 (39.50)' in line
               for line in lines) == 1
    assert picture.read_bytes().startswith(b'\x89PNG')


def test_a_folder_without_evaluation(write, tmp_path):
    for path in (write('untested'), tmp_path / 'nowhere'):
        output = run_tool(TOOL, path, code=1)
        assert output.strip() == (
            f'error: {path} has no logged accuracy: give work directories of '
            'tools/train.py')


def test_the_log_of_a_killed_run(write, tmp_path):
    run = write('killed', {'accuracy/top1': 30.})
    with next(run.glob('*/vis_data/scalars.json')).open('a') as log:
        log.write('\n{"accuracy/top1": 3')
    assert '30.00' in run_tool(TOOL, run, '--out', tmp_path / 'a.png')


@pytest.mark.parametrize('name', ['curves', 'curves.xyz'])
def test_a_picture_of_no_known_format(write, name):
    output = run_tool(TOOL, write('a'), '--out', name, code=2)
    assert f'error: --out {name}: give a name ending in .' in output

