import socket
from copy import deepcopy

import pytest
import torch
import torch._dynamo
import torch._inductor.config
from mmengine.registry import MODELS
from mmengine.utils import digit_version
from torch._dynamo.utils import counters

from mmdeit.hooks import CompileHook
from mmdeit.hooks.compile_hook import compile_in_place
from tests.conftest import STUDENT
from tests.pictures import write_pictures
from tests.processes import run_on_two
from tests.recipe import assert_ends_alike, recipe, validation

pytestmark = pytest.mark.skipif(
    digit_version(torch.__version__) < digit_version('2.6'),
    reason='refused there')


@pytest.fixture(autouse=True)
def no_graphs():
    """None from the tests before, and torch's settings after these."""
    torch._dynamo.reset()
    counters.clear()
    with torch._inductor.config.patch(
            fallback_random=False), torch._dynamo.config.patch(
                optimize_ddp=True):
        yield
    torch._dynamo.reset()


def num_graphs():
    return counters['stats']['unique_graphs']


def build(**backbone):
    torch.manual_seed(0)
    network = MODELS.build(
        deepcopy(STUDENT['backbone']) | dict(drop_path_rate=0.5) | backbone)
    network.init_weights()
    return network


BACKBONES = {
    'plain': ({}, (8, 8)),
    'no distillation': (dict(type='mmdeit.VisionTransformer'), (8, 8)),
    'another size': ({}, (12, 9)),
    'checkpointing': (dict(with_cp=True), (8, 8)),
    'windows': (dict(window_size=2, global_indices=[1], out_type='featmap',
                     with_cp=True), (12, 20)),
    'frozen': (dict(frozen_stages=1, out_indices=(0, 1), out_type='featmap'),
               (8, 8)),
}


@pytest.mark.parametrize('settings, size', BACKBONES.values(), ids=BACKBONES)
def test_one_graph_for_training_and_one_for_evaluation(settings, size):
    """Of any number of images, with the layers dropped that would be."""
    network, compiled = build(**settings), build(**settings)
    compile_in_place(compiled, backend='aot_eager', fullgraph=True)
    assert [*compiled.state_dict()] == [*network.state_dict()]
    for number in (8, 5, 8, 2):
        images = torch.randn(number, 1, *size)
        gradients = []
        for each in (network, compiled):
            torch.manual_seed(number)
            out, = each.train()(images)[-1:]
            out = torch.stack(out) if isinstance(out, tuple) else out
            out.pow(3).mean().backward()
            gradients.append({name: parameter.grad for name, parameter
                              in each.named_parameters()})
        torch.testing.assert_close(*gradients, rtol=1e-4, atol=1e-5)
        with torch.no_grad():
            compiled.eval()(images)
    assert num_graphs() == 2


def test_inductor_drops_the_same():
    network, compiled = build(), build()
    compile_in_place(compiled, backend='inductor', fullgraph=True)
    images = torch.randn(16, 1, 8, 8)
    outs = []
    for each in (network, compiled):
        torch.manual_seed(1)
        out = torch.stack(each.train()(images)[0])
        out.pow(3).mean().backward()
        outs.append([out, each.cls_token.grad])
    torch.testing.assert_close(*outs, rtol=1e-4, atol=1e-5)


def test_a_copy_is_not_compiled():
    network = build()
    compile_in_place(network, backend='aot_eager')
    deepcopy(network)(torch.randn(4, 1, 8, 8))
    assert num_graphs() == 0


@pytest.fixture
def make(tmp_path):
    """A training in two passes, with an average and a validation."""
    folder = write_pictures(tmp_path / 'pictures', 48)

    def make(name, **others):
        cfg = recipe(folder, work_dir=str(tmp_path / name),
                     **validation(folder), **others)
        cfg.model.backbone.drop_path_rate = 0.5
        cfg.train_dataloader.batch_size = 8
        cfg.val_dataloader.batch_size = 20  # the last one has 8
        if name != 'eager':
            cfg.default_hooks.compile = dict(
                type='mmdeit.CompileHook', backend='aot_eager', fullgraph=True)
        return cfg

    return make


def test_trains_as_it_would_and_resumes(make, build_runner, tmp_path):
    for name in ('eager', 'compiled'):
        build_runner(make(name)).train()
    assert num_graphs() == 2
    found, expected = (
        torch.load(tmp_path / name / 'iter_9.pth', weights_only=True)
        for name in ('compiled', 'eager'))
    for part in ('state_dict', 'ema_state_dict'):
        assert [*found[part]] == [*expected[part]]
        torch.testing.assert_close(found[part], expected[part])
    build_runner(make('resumed', resume=True, load_from=str(
        tmp_path / 'compiled/iter_4.pth'))).train()
    assert_ends_alike(tmp_path / 'resumed/iter_9.pth',
                      tmp_path / 'compiled/iter_9.pth')


def test_a_model_without_a_backbone(make, build_runner):
    cfg = make('none')
    runner = build_runner(cfg)
    del runner.model.backbone
    hook, = [h for h in runner.hooks if isinstance(h, CompileHook)]
    with pytest.raises(ValueError, match='ImageClassifier has no backbone to '
                       'compile: leave out compile'):
        hook.before_train(runner)


def test_refuses_an_old_torch(monkeypatch):
    monkeypatch.setattr(torch, '__version__', '2.1.2')
    with pytest.raises(ValueError, match='this is torch 2.1.2, and compile '
                       'needs 2.6: leave out compile'):
        CompileHook()


@pytest.mark.parametrize('with_cp', [False, True])
def test_two_processes_train_alike(with_cp, make, tmp_path):
    """With gradients in two buckets, at which DDP cuts the graph."""
    losses = []
    for name in ('eager', 'compiled'):
        cfg = make(name, custom_hooks=[dict(type='RecordViewsHook')])
        cfg.model_wrapper_cfg = dict(
            type='MMDistributedDataParallel', bucket_cap_mb=1)
        cfg.model.backbone.update(with_cp=with_cp, arch=dict(
            embed_dims=128, num_layers=2, num_heads=2,
            feedforward_channels=512))
        cfg.model.head.in_channels = 128
        cfg.train_cfg.max_epochs = 1
        cfg.train_dataloader.batch_size = 4
        arguments = []
        if hook := cfg.default_hooks.pop('compile', None):
            cfg.compile = dict(backend=hook.backend, fullgraph=True)
            arguments = ['--compile']
        cfg.dump(tmp_path / f'{name}.py')
        with socket.socket() as server:
            server.bind(('127.0.0.1', 0))
            port = str(server.getsockname()[1])
        run_on_two(port, 'tools/train.py', tmp_path / f'{name}.py', *arguments)
        losses.append([
            torch.load(tmp_path / name / f'rank{rank}.pt',
                       weights_only=True)['losses'] for rank in range(2)])
    assert 'mmdeit.CompileHook' in (
        tmp_path / 'compiled/compiled.py').read_text()
    torch.testing.assert_close(*losses)
