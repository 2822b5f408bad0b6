import importlib.util
import json
import subprocess
from argparse import Namespace

import mmengine
import pytest

from tests.tools import ROOT, run_tool


@pytest.fixture
def demo(monkeypatch):
    """The script as a module, that fetches nothing."""
    spec = importlib.util.spec_from_file_location('demo',
                                                  ROOT / 'tools/demo.py')
    module = importlib.util.module_from_spec(spec)
    monkeypatch.syspath_prepend(ROOT / 'tools')
    spec.loader.exec_module(module)
    monkeypatch.setattr(module, 'prepare', lambda data_root: None)
    # There is nothing to learn in these images, so the teacher is refused.
    train = module.train
    monkeypatch.setattr(
        module, 'train', lambda stage, work_dir, options: train(
            stage, work_dir, options + ['default_hooks.teacher.preflight=0'] *
            (stage == 'student-distilled')))
    monkeypatch.setenv('OMP_NUM_THREADS', '1')
    return module


def popen(command, **kwargs):
    """In place of a process that runs a tool: one that has run here."""
    python, unbuffered, tool, *arguments = command
    output = run_tool(tool, *arguments)
    return Namespace(
        stdout=output.splitlines(keepends=True), wait=lambda: 0)


@pytest.fixture
def run(demo, monkeypatch, capsys, tmp_path, options, fashion_mnist):
    """Run the demo on a small budget and return what it printed."""
    monkeypatch.setattr(
        demo, 'subprocess', Namespace(**{**vars(subprocess), 'Popen': popen}))
    shared = [option for option in options[1:] if 'data_root' not in option]
    argv = [
        'demo.py', '--work-dir',
        str(tmp_path), '--data-root',
        str(fashion_mnist), '--cfg-options', *shared
    ]

    def run(*options):
        monkeypatch.setattr('sys.argv', [*argv, *options])
        demo.main()
        return capsys.readouterr().out

    return run


def test_table_picture_and_reuse(run, tmp_path):
    output = run()
    assert '\n    Epoch(train) [2][4/4]' in output
    summary = json.loads((tmp_path / 'summary.json').read_text())
    assert list(summary) == [
        'teacher_top1', 'undistilled_top1', 'class_top1', 'distill_top1',
        'joint_top1', 'train_seconds'
    ]
    for key, value in summary.items():
        assert 0 <= value <= 100 or key == 'train_seconds'
        assert key == 'train_seconds' or f'{value:.2f}' in output
    picture = (tmp_path / 'curves.png').read_bytes()
    assert picture.startswith(b'\x89PNG') and len(picture) > 20_000

    # A second run reuses what is there, and says so.
    (tmp_path / 'summary.json').unlink()
    output = run()
    assert output.count('reusing') == 3 and 'Epoch(train)' not in output
    assert json.loads((tmp_path / 'summary.json').read_text()) == summary

    # A stage that did not get to its end is resumed.
    state = mmengine.load(tmp_path / 'student/state.json')
    mmengine.dump({**state, 'metrics': None}, tmp_path / 'student/state.json')
    output = run()
    assert output.count('reusing') == 2
    assert 'DeiT, undistilled: resuming' in output
    resumed = json.loads((tmp_path / 'summary.json').read_text())
    assert resumed['train_seconds'] > summary['train_seconds']

    # What was trained with other settings is neither reused nor lost.
    with pytest.raises(SystemExit, match='trained with other settings'):
        run('optim_wrapper.optimizer.lr=1e-4')
    assert (tmp_path / 'teacher/epoch_2.pth').exists()


def test_failure_shows_its_reason(demo, tmp_path, capsys):
    with pytest.raises(SystemExit, match='error: no config at nowhere.py'):
        demo.run('tools/train.py', 'nowhere.py')
