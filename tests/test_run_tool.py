"""A tool that runs in this process behaves, and leaves it, as in a new one."""
import os
import random
import signal
import sys

import numpy as np
import pytest
import torch
from mmengine.logging import MessageHub, MMLogger
from mmengine.registry import DefaultScope

from .tools import run_tool, start_tool


@pytest.fixture
def script(tmp_path):
    """Write a tool."""

    def script(*lines):
        path = tmp_path / 'script.py'
        path.write_text('\n'.join(lines))
        return path

    return script


@pytest.mark.parametrize('run', [run_tool, start_tool])
@pytest.mark.parametrize('line, code, last', [
    ('', 0, 'starts'),
    ('sys.exit()', 0, 'starts'),
    ('sys.exit(3)', 3, 'starts'),
    ("sys.exit('error: why')", 1, 'error: why'),
    ("raise ValueError('why')", 1, 'ValueError: why'),
    ("print('late', file=sys.stderr); print('early')", 0, 'late'),
    ("warnings.warn('odd')", 0, "  warnings.warn('odd')"),
])
def test_output_and_exit_code(script, run, line, code, last):
    path = script('import sys, warnings', "print('starts')", line)
    assert run(path, code=code).splitlines()[-1] == last
    with pytest.raises(AssertionError, match=f'exit code {code}\nstarts'):
        run(path, code=None if code == 0 else 0)


@pytest.mark.parametrize('run', [run_tool, start_tool])
def test_it_is_alone(script, run, tmp_path):
    (tmp_path / 'beside.py').write_text('')
    MMLogger.get_instance('ours')
    assert run(
        script(
            'import os, sys, torch, beside',
            'from mmengine.device import get_device',
            'from mmengine.logging import MMLogger',
            'from mmengine.registry import DefaultScope',
            'print(__name__, *sys.argv[1:], os.environ["ADDED"])',
            'print(MMLogger._instance_dict, DefaultScope._instance_dict)',
            'print(torch.get_num_threads(), get_device())'),
        1, '--two', ADDED='three').splitlines() == [
            '__main__ 1 --two three', 'OrderedDict() OrderedDict()', '1 cpu']


def state():
    return (os.getcwd(), sys.argv[:], sys.path[:], dict(os.environ),
            torch.get_num_threads(), signal.getsignal(signal.SIGTERM),
            random.random(), np.random.rand(), torch.rand(1).item(),
            DefaultScope.get_current_instance().scope_name,
            MMLogger.get_current_instance().instance_name,
            MessageHub.get_current_instance().instance_name)


def seed():
    random.seed(0)
    np.random.seed(0)
    torch.manual_seed(0)


def test_nothing_stays(script):
    MMLogger.get_instance('ours')
    seed()
    before = state()
    seed()
    run_tool(
        script(
            'import os, random, signal, sys, numpy, torch',
            'from mmengine.logging import MessageHub, MMLogger',
            'from mmengine.registry import init_default_scope',
            "os.chdir('/')",
            "os.environ['LOCAL_RANK'] = '1'",
            "sys.path.insert(0, 'nowhere')",
            'signal.signal(signal.SIGTERM, signal.SIG_IGN)',
            'torch.set_num_threads(3)',
            'torch.rand(1), numpy.random.rand(), random.random()',
            "MMLogger.get_instance('theirs')",
            "MessageHub.get_instance('theirs')",
            "init_default_scope('mmengine')",
            "sys.exit('error')"), code=1)
    assert state() == before
