import time

import pytest
import torch
from torch import nn

from mmdeit.teachers.execution import (
    Execution,
    executions,
    fastest_pass,
    measure,
)

IMAGES = torch.rand(2, 3, 8, 8)


class Net(nn.Module):
    """Keeps what it was given and what it computed in."""

    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 4, 3)

    def forward(self, images):
        self.channels_last = images.is_contiguous(
            memory_format=torch.channels_last)
        out = self.conv(images)
        self.dtype = out.dtype
        return out.mean(dim=(2, 3))


@pytest.mark.parametrize('dtype, outside, inside', [
    (None, torch.float32, torch.bfloat16),
    ('float32', torch.float32, torch.float32),
    ('bfloat16', torch.bfloat16, torch.bfloat16),
])
def test_precision_outside_and_under_autocast(dtype, outside, inside):
    net = Net()
    execute = Execution(dtype=dtype).prepare(net)
    assert execute(IMAGES).dtype == net.dtype == outside
    with torch.autocast('cpu', torch.bfloat16):
        assert execute(IMAGES).dtype == net.dtype == inside
        assert torch.is_autocast_cpu_enabled()  # the student's, as before
    assert not torch.is_autocast_cpu_enabled()
    assert all(p.dtype == torch.float32 for p in net.parameters())


@pytest.mark.parametrize('has_bfloat16', [True, False])
@pytest.mark.parametrize('enabled', [True, False])
def test_bfloat16_under_autocast_of_a_gpu(monkeypatch, enabled, has_bfloat16):
    asked = []
    monkeypatch.setattr(torch, 'is_autocast_enabled', lambda *_: enabled)
    monkeypatch.setattr(
        torch.cuda, 'is_bf16_supported', lambda: has_bfloat16)
    monkeypatch.setattr(torch, 'autocast', lambda *args: asked.append(args))
    Execution()._autocast('cuda')
    assert asked == [('cuda', torch.bfloat16)] * (enabled and has_bfloat16)


def test_float16(monkeypatch):
    asked = []
    monkeypatch.setattr(torch, 'autocast', lambda *args: asked.append(args))
    Execution('float16')._autocast('cuda')
    assert asked == [('cuda', torch.float16)]


@pytest.mark.parametrize('channels_last', [True, False])
def test_memory_layout(channels_last):
    net = Net()
    expected = net(IMAGES)
    # From the other layout
    Execution(channels_last=not channels_last).prepare(net)
    execute = Execution(channels_last=channels_last).prepare(net)
    assert torch.allclose(execute(IMAGES), expected, atol=1e-6)
    assert net.channels_last == channels_last
    assert net.conv.weight.is_contiguous(
        memory_format=torch.channels_last) == channels_last


def test_compiles(monkeypatch):
    compiled = []

    def compile_(network):
        compiled.append(network)
        return real(network, backend='eager')

    real = torch.compile
    monkeypatch.setattr(torch, 'compile', compile_)
    net = Net()
    execute = Execution(compile=True).prepare(net)
    with torch.no_grad():
        assert torch.allclose(execute(IMAGES), net(IMAGES), atol=1e-6)
    assert compiled == [net]


@pytest.mark.parametrize('execution, text', [
    (Execution(), "the student's dtype, channels first, not compiled"),
    (Execution('bfloat16', True, True), 'bfloat16, channels last, compiled'),
])
def test_is_written_out(execution, text):
    assert str(execution) == text


def test_ways_that_a_config_leaves_open():
    assert executions(None, False, True) == [Execution(None, False, True)]
    assert executions('auto', True, False) == [
        Execution('float32', True), Execution('bfloat16', True)
    ]
    assert len(set(executions('auto', 'auto', 'auto'))) == 8


@pytest.mark.parametrize('arguments, message', [
    (('float8', False, False), "dtype is 'float8': choose from 'auto', None, "),
    ((None, 'yes', False), "channels_last is 'yes': choose from"),
    ((None, False, None), 'compile is None: choose from'),
])
def test_bad_input(arguments, message):
    with pytest.raises(ValueError, match=message):
        executions(*arguments)


def test_measures_and_passes_over_what_raises(monkeypatch):

    def prepare(self, network):
        if self.compile:
            raise RuntimeError('no compiler')

        def execute(images):
            time.sleep(0 if self.channels_last else 0.02)

        return execute

    monkeypatch.setattr(Execution, 'prepare', prepare)
    ways = executions(None, 'auto', 'auto')
    seconds = measure(nn.Identity(), ways, IMAGES)
    assert list(seconds) == ways
    assert min(seconds, key=seconds.get) == Execution(channels_last=True)
    assert 0.02 <= seconds[Execution()] < 1
    assert seconds[Execution(compile=True)] == float('inf')


def test_the_fastest_pass_after_a_warm_up():
    calls = []

    def execute(images):
        calls.append(images)
        time.sleep((0.5, 0.05, 0, 0.05)[len(calls) - 1])

    seconds = fastest_pass(execute, IMAGES, repeats=3)
    assert len(calls) == 4 and seconds < 0.04


def test_every_way_fails():

    class Broken(Net):

        def forward(self, images):
            raise RuntimeError('out of memory')

    with pytest.raises(ValueError, match='Broken fails on a batch of 2 however '
                       r'it is executed: set dtype.*\(out of memory\)'):
        measure(Broken(), executions('auto', False, False), IMAGES)
