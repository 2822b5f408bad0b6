import re

import pytest

from tests.test_teachers.toy import IMAGENET, make_config
from tests.tools import run_tool

TOOL = 'tools/analysis_tools/check_teacher.py'


def check(cfg, folder, *args, code=0):
    """Run the tool on a config."""
    cfg.dump(str(folder / 'toy.py'))
    return run_tool(TOOL, folder / 'toy.py', *args, code=code)


def refusal(cfg, folder, *args):
    """The lines that the tool prints where its exit code is 1."""
    output = check(cfg, folder, *args, code=1)
    assert 'Traceback' not in output
    return output.splitlines()


def test_a_good_teacher(tmp_path):
    cfg = make_config(tmp_path, expected_accuracy=91.4, channels_last='auto')
    cfg.custom_hooks[0].preflight = 0  # here it is checked all the same
    output = check(cfg, tmp_path, '--images', 64)
    assert re.search("toy: the student's dtype, channels (last|first), not "
                     r'compiled \(measured .* ms; .* ms\)', output)
    assert 'Teacher on 64 held-out images' in output
    assert re.search(r'│ toy +│ +\d\d\.\d\d │ +91\.40 │ +12\.50 │', output)
    assert re.search(r'\d images per second in batches of 16 on cpu', output)
    assert not (tmp_path / 'work').exists()  # it leaves nothing behind
    assert '\r' not in output and 'Asking' not in output  # no terminal


def test_a_wrong_teacher(tmp_path):
    cfg = make_config(tmp_path, expected_accuracy=91.4)
    cfg.custom_hooks[0].teacher.data_preprocessor = {
        **IMAGENET, 'to_rgb': False
    }
    lines = refusal(cfg, tmp_path)
    assert (
        "error: teacher 'toy' has 46.09 top-1 on 128 held-out images, expected "
        'are 91.40: channel order: set data_preprocessor=dict(to_rgb=True), '
        'which gives 89.84') in lines
    assert any(
        line.endswith('channel order: set data_preprocessor=dict(to_rgb=True)'
                      ': 89.8 on 128 images') for line in lines)


@pytest.mark.parametrize('options, message', [
    (['custom_hooks=[]'], "toy.py has no teacher: add default_hooks.teacher="),
    (['val_dataloader=None', 'val_cfg=None', 'val_evaluator=None'],
     'toy.py has no validation dataset to evaluate its teacher on: add a'),
])
def test_bad_input(tmp_path, options, message):
    lines = refusal(make_config(tmp_path), tmp_path, '--cfg-options', *options)
    assert sum(message in line for line in lines) == 1, lines


def test_help():
    output = run_tool(TOOL, '--help')
    for part in ('--images', '--cfg-options', 'without training anything',
                 'exit code 1'):
        assert part in output
