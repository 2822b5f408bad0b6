"""Studies, with tools that take no time; test_demo.py runs the real ones."""
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from hashlib import sha256

import pytest
from mmengine.config import Config

from mmdeit.cli import lock_work_dir
from tests.tools import ROOT, run_tool

# In place of tools/train.py: writes down its arguments and a checkpoint, and,
# as it is asked to by an option, fails or waits to be stopped.
TRAIN = '''
import json, os, signal, sys, time
from pathlib import Path
options = sys.argv[sys.argv.index('--cfg-options') + 1:]
work = Path(sys.argv[sys.argv.index('--work-dir') + 1])
with open(work / 'arguments', 'a') as file:
    print(json.dumps([os.environ['OMP_NUM_THREADS'], *sys.argv[1:]]),
          file=file)
if 'fail=yes' in options:
    sys.exit('a warning\\nerror: it fails')
if 'wait=yes' in options and not (work / 'stopped').exists():
    def stop(*_):
        (work / 'stopped').touch()
        sys.exit(143)
    signal.signal(signal.SIGTERM, stop)
    (work / 'waiting').touch()
    time.sleep(60)
(work / 'epoch_1.pth').touch()
(work / 'last_checkpoint').write_text(str(work / 'epoch_1.pth'))
'''

# In place of tools/test.py: the accuracy is in the config and the options.
TEST = '''
import json, sys
from pathlib import Path
from mmengine.config import Config
assert Path(sys.argv[2]).exists()
options = dict(option.split('=') for option in sys.argv[
    sys.argv.index('--cfg-options') + 1:] if '=' in option)
top1 = Config.fromfile(sys.argv[1]).top1
top1 = top1[int(options.get('randomness.seed', 0))]
out = Path(sys.argv[sys.argv.index('--out') + 1])
out.write_text(json.dumps({
    'accuracy/top1': top1, 'accuracy/class_top1': top1 - 1}))
'''


STUDY = """
seeds = [0, 1, 2]
prepare = ['tools/fetch.py']
teacher = dict(config='teacher.py', options=['a=b'])
baseline = 'plain'
methods = {
    'plain': dict(config='plain.py'),
    'taught, softly': dict(
        config='taught.py',
        options=['teacher={teacher}', 'cache={work_dir}/cache{seed}']),
}
"""


@pytest.fixture
def run(tmp_path, monkeypatch):
    """Run a study in a folder that has one, and tools of no time."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(ROOT / 'tools')
    monkeypatch.setattr('studies.runner.ROOT', tmp_path)
    for name, text in {
            'tools/train.py': TRAIN,
            'tools/test.py': TEST,
            'tools/fetch.py': "open('fetched', 'a').write('x')",
            'teacher.py': 'top1 = [90.]',
            'plain.py': 'top1 = [50., 51., 52.]',
            'taught.py': 'top1 = [51., 53., 55.]',
            'study.py': STUDY,
    }.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)

    def run(*arguments, code=0):
        return run_tool(
            'tools/study.py', 'study.py', '--work-dir', 'work', *arguments,
            code=code)

    return run


def rows(path='work/results.json'):
    with open(path) as file:
        return {(row['method'], row['seed']): row for row in json.load(file)}


def arguments(folder):
    with open(f'work/{folder}/arguments') as file:
        return [json.loads(line) for line in file]


def test_everything_once(run, tmp_path):
    output = run()
    found = rows()
    assert list(found)[0] == ('teacher', None) and len(found) == 7
    row = found['taught, softly', 2]
    assert row['accuracy/top1'] == 55 and row['config'] == 'taught.py'
    assert row['options'] == [
        'teacher={teacher}', 'cache={work_dir}/cache{seed}']
    assert {'date', 'torch', 'mmengine', 'mmpretrain'} <= set(row)
    assert row['device'] == 'CPU, 1 threads'
    assert row['teacher'] == sha256(b'').hexdigest()[:16]  # its checkpoint's
    assert len((tmp_path / 'work/results.json').read_text().splitlines()) == 9
    assert arguments('taught-softly/seed2') == [[
        '1', 'taught.py', '--resume', '--work-dir', 'work/taught-softly/seed2',
        '--cfg-options', 'teacher=work/teacher/epoch_1.pth',
        'cache=work/cache2', 'randomness.seed=2']]
    assert arguments('teacher')[0][-2:] == ['--cfg-options', 'a=b']
    table = (tmp_path / 'work/results.md').read_text().splitlines()
    assert table[0] == ('| learns from | seeds | top-1, % | class head | '
                        'gain | above zero |')
    assert table[2] == '| teacher | 1 | 90.00 | 89.00 |  |  |'
    assert table[3] == '| plain | 3 | 51.00 ± 1.00 | 50.00 ± 1.00 |  |  |'
    # Of the differences 1, 2 and 3 the standard error is 1 / sqrt(3).
    assert table[4] == ('| taught, softly | 3 | 53.00 ± 2.00 | 52.00 ± 2.00 | '
                        '+2.00 ± 0.58 | 3 of 3 |')
    assert (tmp_path / 'work/results.png').read_bytes().startswith(b'\x89PNG')
    assert '+2.00 ± 0.58' in output and 'plain, seed 0: 50.00' in output

    # The second time nothing is run, and the same is said.
    assert '+2.00 ± 0.58' in run()
    assert len(arguments('plain/seed0')) == 1 and rows() == found
    assert (tmp_path / 'fetched').read_text() == 'x'


def test_more_seeds_later_and_somewhere_else(run):
    run('--seeds', '0', '--out', 'docs/one')
    output = run('--out', 'docs/one', '--no-prepare')
    assert 'plain, seed 0' not in output and '3 of 3' in output
    assert len(rows('docs/one.json')) == 7
    assert len(arguments('teacher')) == 1
    # What is there of other seeds is kept.
    run('--seeds', '1', '--out', 'docs/one')
    assert len(rows('docs/one.json')) == 7


def test_dry_run(run, tmp_path):
    lines = run('--dry-run', '--seeds', '1').splitlines()
    assert [line for line in lines if 'softly' in line] == [
        'python tools/train.py taught.py --resume --work-dir '
        'work/taught-softly/seed1 --cfg-options teacher=CHECKPOINT '
        'cache=work/cache1 randomness.seed=1',
        'python tools/test.py taught.py CHECKPOINT --out '
        'work/taught-softly/seed1/metrics.json --out-item metrics --work-dir '
        'work/taught-softly/seed1 --cfg-options teacher=CHECKPOINT '
        'cache=work/cache1 randomness.seed=1']
    assert not (tmp_path / 'work').exists()


def test_a_run_that_fails(run, tmp_path):
    study = (tmp_path / 'study.py').read_text()
    (tmp_path / 'study.py').write_text(
        study.replace("'plain.py'", "'plain.py', options=['fail=yes']"))
    output = run('--seeds', '0', code=1)
    assert output.rstrip().endswith(
        'error: plain, seed 0: error: it fails (tools/train.py, log: '
        'work/plain/seed0/study.log)')
    assert len(rows()) == 2  # the others are not lost
    (tmp_path / 'study.py').write_text(study)
    run('--seeds', '0')
    assert len(rows()) == 3
    (tmp_path / 'study.py').write_text(study.replace('a=b', 'fail=yes'))
    shutil.rmtree(tmp_path / 'work')
    assert 'error: teacher: error: it fails' in run(code=1)
    assert not (tmp_path / 'work/results.json').exists()


def test_data_that_cannot_be_had(run, tmp_path):
    (tmp_path / 'tools/fetch.py').write_text('raise SystemExit(1)')
    assert run(code=1).strip().endswith(
        'error: tools/fetch.py failed, see above; --no-prepare leaves it out')
    run('--no-prepare')


@pytest.mark.parametrize('number', [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_study_goes_on(run, tmp_path, number):
    """Its trainings are asked to stop, and are resumed."""
    script = tmp_path / 'start.py'
    script.write_text(f"""
import sys
sys.path.insert(0, {str(ROOT / 'tools')!r})
import pathlib, runpy, studies.runner
studies.runner.ROOT = pathlib.Path({str(tmp_path)!r})
sys.argv = ['study.py', 'study.py', '--work-dir', 'work', '--seeds', '0',
            '--cfg-options', 'wait=yes']
runpy.run_path({str(ROOT / 'tools/study.py')!r}, run_name='__main__')
""")
    (tmp_path / 'work/teacher').mkdir(parents=True)
    (tmp_path / 'work/teacher/stopped').touch()  # which waits no more
    process = subprocess.Popen([sys.executable, script],
                               stderr=subprocess.PIPE, text=True)
    waiting = [tmp_path / f'work/{name}/seed0' for name in (
        'plain', 'taught-softly')]
    deadline = time.monotonic() + 60
    while not all((path / 'waiting').exists() for path in waiting):
        assert time.monotonic() < deadline and process.poll() is None
        time.sleep(.1)
    os.kill(process.pid, number)
    last = process.communicate(timeout=60)[1].splitlines()[-1]
    assert process.returncode == 128 + number
    assert last == f'{number.name}: run again to go on'
    assert all((path / 'stopped').exists() for path in waiting)
    run('--seeds', '0', '--cfg-options', 'wait=yes')
    assert len(rows()) == 3


@pytest.mark.parametrize('old, new, message', [
    ("seeds = [0, 1, 2]", '', 'study.py is no study: give methods and seeds'),
    ("baseline = 'plain'", "baseline = 'plane'",
     "plain is compared with 'plane': choose from plain, taught, softly"),
    ("config='plain.py'", "config='nowhere.py'", 'no config at nowhere.py'),
    ("config='plain.py'", "option=['a=1']",
     'plain has option: give its config, and of baseline, config, options'),
    ('{teacher}', '{teachers}', "the options of taught, softly have "
     "'teachers': their placeholders are {seed}, {work_dir} and {teacher}"),
    ("'taught, softly'", "'plain!'", 'would share the folder plain/seed0'),
    ("'plain':", "'teacher':", 'teacher is no name for a method: give another'),
])
def test_a_wrong_study(run, tmp_path, old, new, message):
    study = tmp_path / 'study.py'
    assert old in STUDY
    study.write_text(STUDY.replace(old, new))
    output = run(code=1)
    assert output.startswith('error: ') and message in output
    assert not (tmp_path / 'work').exists()


def test_results_of_something_else(run, tmp_path):
    run('--seeds', '0')
    (tmp_path / 'plain.py').write_text(
        'top1 = [50., 51., 52.]\nlog_level = 1')
    run('--seeds', '0')  # which decides nothing
    (tmp_path / 'plain.py').write_text(
        'top1 = [50., 51., 52.]\nmodel = dict(a=1)')
    assert ('work/results.json has plain, seed 0 of other settings (config '
            'plain.py, options []): give another --out and --work-dir'
            ) in run(code=1)
    for text in ('[', '[1]', '[{"method": 1}]'):
        (tmp_path / 'work/results.json').write_text(text)
        assert ('error: work/results.json has no results of a study'
                in run(code=1))


def test_a_folder_of_other_settings(run, tmp_path):
    """A finished training in it is not taken for another one."""
    run('--seeds', '0')
    assert ('error: teacher: work/teacher was trained with other settings: '
            'delete it, or give another --work-dir') in run(
                '--seeds', '0', '--out', 'more', '--cfg-options', 'lr=1',
                code=1)
    assert len(arguments('plain/seed0')) == 1


def test_results_of_another_teacher(run, tmp_path):
    run('--seeds', '0')
    (tmp_path / 'work/teacher/epoch_1.pth').write_text('other weights')
    assert ('error: work/results.json has teacher of another teacher'
            in run(code=1))
    assert len(rows()) == 3


def test_a_teacher_trained_anew_is_another(run, tmp_path):
    """And its result does not replace that of the one before."""
    run('--seeds', '0')
    found = rows()
    shutil.rmtree(tmp_path / 'work/teacher')
    train = tmp_path / 'tools/train.py'
    train.write_text(train.read_text().replace(
        "(work / 'epoch_1.pth').touch()",
        "(work / 'epoch_1.pth').write_text('other weights')"))
    assert ('error: work/results.json has teacher of another teacher'
            in run(code=1))
    assert rows() == found


def test_without_an_accuracy(run, tmp_path):
    test = tmp_path / 'tools/test.py'
    test.write_text(test.read_text().replace('accuracy/top1', 'mAP'))
    assert 'error: teacher: teacher.py reports no accuracy/top1' in run(code=1)


def test_one_study_at_a_time(run):
    with lock_work_dir(Config(dict(work_dir='work', launcher='none'))):
        script = f"""
import sys, runpy
sys.path.insert(0, {str(ROOT / 'tools')!r})
sys.argv = ['study.py', 'study.py', '--work-dir', 'work']
runpy.run_path({str(ROOT / 'tools/study.py')!r}, run_name='__main__')
"""
        second = subprocess.run([sys.executable, '-c', script],
                                stderr=subprocess.PIPE, text=True)
    assert 'error: work is in use by another training' in second.stderr


def test_bad_arguments(run):
    assert 'error: --jobs is 0: give a number from 1' in run(
        '--jobs', '0', code=2)
    assert 'error: --out plain.py/x.json: plain.py is a file' in run(
        '--out', 'plain.py/x', code=1)
