import gc
import os
import weakref
from datetime import timedelta
from unittest import mock

import pytest
import torch
import torch.distributed as dist
from mmengine.config import Config

from mmdeit.cli import device
from mmdeit.cli.device import adapt_to_device, init_gloo, revert_sync_bn


@pytest.fixture(params=['AmpOptimWrapper', 'mmengine.AmpOptimWrapper'])
def amp_cfg(request):
    return Config(
        dict(
            launcher='none',
            optim_wrapper=dict(
                type=request.param,
                dtype='bfloat16',
                loss_scale=dict(enabled=False),
                optimizer=dict(type='AdamW'))))


def test_fp32_without_an_accelerator(amp_cfg, monkeypatch, capsys):
    monkeypatch.setattr(device, 'get_device', lambda: 'cpu')
    adapt_to_device(amp_cfg)
    assert amp_cfg.optim_wrapper == dict(
        type='OptimWrapper', optimizer=dict(type='AdamW'))
    assert ('training in fp32. --amp and AmpOptimWrapper are for GPUs'
            in capsys.readouterr().out)


def test_a_fused_optimiser_is_all_that_changes_on_cuda(amp_cfg, monkeypatch):
    monkeypatch.setattr(device, 'get_device', lambda: 'cuda')
    amp_cfg.launcher = 'pytorch'
    expected = amp_cfg.to_dict()
    expected['optim_wrapper']['optimizer']['fused'] = True
    adapt_to_device(amp_cfg)
    assert amp_cfg.to_dict() == expected


@pytest.mark.parametrize('optimizer', [
    dict(type='AdamW', fused=False), dict(type='AdamW', foreach=True),
    dict(type='SGD', lr=0.1)])
def test_another_optimiser_stays(optimizer, monkeypatch):
    monkeypatch.setattr(device, 'get_device', lambda: 'cuda')
    cfg = Config(dict(optim_wrapper=dict(optimizer=dict(optimizer))))
    adapt_to_device(cfg)
    assert cfg.optim_wrapper.optimizer == optimizer


def test_the_precision_of_fp32():
    before = torch.get_float32_matmul_precision()
    try:
        for precision in ('high', 'highest'):
            adapt_to_device(Config(dict(launcher='none', env_cfg=dict(
                float32_matmul_precision=precision))))
            assert torch.get_float32_matmul_precision() == precision
    finally:
        torch.set_float32_matmul_precision(before)
    with pytest.raises(ValueError, match="precision is 'tf32': choose from "
                       "'highest', 'high', 'medium'"):
        adapt_to_device(Config(dict(env_cfg=dict(
            float32_matmul_precision='tf32'))))


def test_cublas_computes_deterministically(amp_cfg):
    """Where the config asks for it; another way to do so is left alone."""
    name = 'CUBLAS_WORKSPACE_CONFIG'
    with mock.patch.dict(os.environ):
        os.environ.pop(name, None)
        for deterministic, expected in ((False, None), (True, ':4096:8')):
            amp_cfg.randomness = dict(deterministic=deterministic)
            adapt_to_device(amp_cfg)
            assert os.environ.get(name) == expected
        os.environ[name] = ':16:8'
        adapt_to_device(amp_cfg)
        assert os.environ[name] == ':16:8'


def test_sync_bn():
    """In whatever part of a model; mmcv's own kind too."""
    model = dict(
        neck=dict(type='FPN', norm_cfg=dict(type='MMSyncBN')),
        heads=[dict(norm_cfg=dict(type='SyncBN', requires_grad=True))],
        scales=(4, 'a'))
    assert revert_sync_bn(model)
    assert model == dict(
        neck=dict(type='FPN', norm_cfg=dict(type='BN')),
        heads=[dict(norm_cfg=dict(type='BN', requires_grad=True))],
        scales=(4, 'a'))
    assert not revert_sync_bn(model)


@pytest.mark.parametrize('launcher, variables', [
    ('pytorch', dict(RANK='0', WORLD_SIZE='1', LOCAL_RANK='0',
                     MASTER_ADDR='127.0.0.1', MASTER_PORT='0')),
    ('slurm', dict(SLURM_PROCID='0', SLURM_NTASKS='1', SLURM_LOCALID='0',
                   MASTER_PORT='0')),
])
def test_gloo(launcher, variables, monkeypatch):
    for name in ('RANK', 'WORLD_SIZE', 'LOCAL_RANK', 'MASTER_ADDR'):
        monkeypatch.setenv(name, 'unset')
        monkeypatch.delenv(name)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    init_gloo(launcher)
    try:
        assert dist.get_backend() == 'gloo'
        assert os.environ['LOCAL_RANK'] == '0'
    finally:
        dist.destroy_process_group()


class Runner:
    """Holds the process group, and itself."""

    def __init__(self):
        self.runner = self
        self.group = dist.group.WORLD


def test_gloo_ends_before_python(monkeypatch):
    """Else its threads meet an interpreter that is gone, and abort."""
    for name, value in dict(RANK='0', WORLD_SIZE='1', LOCAL_RANK='0',
                            MASTER_ADDR='127.0.0.1', MASTER_PORT='0').items():
        monkeypatch.setenv(name, value)
    gc.disable()
    try:
        init_gloo('pytorch')
        runner = weakref.ref(Runner())
        assert runner() is not None
        device._leave_group()
        assert runner() is None and not dist.is_initialized()
    finally:
        gc.enable()


def test_the_timeout_of_gloo(monkeypatch):
    """In seconds, as mmengine takes it for NCCL."""
    asked = []
    monkeypatch.setattr(
        dist, 'init_process_group',
        lambda *args, **kwargs: asked.append(kwargs))
    monkeypatch.setattr(device, 'get_device', lambda: 'cpu')
    for dist_cfg in (dict(backend='nccl', timeout=90), dict(backend='nccl')):
        adapt_to_device(
            Config(dict(launcher='pytorch', env_cfg=dict(dist_cfg=dist_cfg))))
    assert asked == [dict(timeout=timedelta(seconds=90)), {}]
