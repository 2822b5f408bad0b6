import pytest
import torch
from mmengine.model import (
    ExponentialMovingAverage as _ExponentialMovingAverage,
)
from torch import nn

from mmdeit.hooks import EMAHook, ExponentialMovingAverage


def ema_of(runner):
    return next(h for h in runner.hooks if isinstance(h, EMAHook)).ema_model


def make(cfg):
    cfg.default_hooks.ema = dict(
        type='mmdeit.EMAHook',
        momentum=0.25,
        evaluate_on_ema=False,
        evaluate_on_origin=True)


def test_state_dict_is_the_model_and_the_average_beside_it(cfg, build_runner):
    make(cfg)
    runner = build_runner(cfg)
    runner.train()
    checkpoint = torch.load(f'{cfg.work_dir}/epoch_2.pth', weights_only=True)
    average = ema_of(runner).module.state_dict()
    for name, value in runner.model.state_dict().items():
        assert torch.equal(checkpoint['state_dict'][name], value), name
        assert torch.equal(checkpoint['ema_state_dict'][f'module.{name}'],
                           average[name]), name
    name = 'head.layers.head.weight'
    assert not torch.equal(average[name], runner.model.state_dict()[name])


def test_fine_tuning_starts_from_the_model(cfg, build_runner):
    make(cfg)
    runner = build_runner(cfg)
    runner.train()
    trained = {k: v.clone() for k, v in runner.model.state_dict().items()}

    cfg.load_from = f'{cfg.work_dir}/epoch_2.pth'
    cfg.work_dir += '-tuned'
    cfg.optim_wrapper.optimizer.lr = 0.
    cfg.optim_wrapper.optimizer.weight_decay = 0.
    tuned = build_runner(cfg)
    tuned.train()
    for name, value in tuned.model.state_dict().items():
        assert torch.equal(value, trained[name]), name


def test_a_checkpoint_without_an_average_starts_one(cfg, build_runner):
    runner = build_runner(cfg)
    runner.train()
    cfg.load_from = f'{cfg.work_dir}/epoch_2.pth'
    make(cfg)
    tested = build_runner(cfg)
    tested.test()
    for name, value in ema_of(tested).module.state_dict().items():
        assert torch.equal(value, runner.model.state_dict()[name]), name


@pytest.mark.parametrize('update_buffers', [False, True])
@pytest.mark.parametrize('interval', [1, 2])
def test_the_average_is_mmengines(interval, update_buffers):
    """Bit for bit, and from a state dict of either."""
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(4, 3), nn.BatchNorm1d(3))
    settings = dict(
        momentum=0.3, interval=interval, update_buffers=update_buffers)
    ours = ExponentialMovingAverage(model, **settings)
    theirs = _ExponentialMovingAverage(model, **settings)
    for step in range(6):
        model(torch.randn(5, 4)).square().sum().backward()
        with torch.no_grad():
            for parameter in model.parameters():
                parameter.add_(torch.randn_like(parameter))
        if step == 3:  # exchanged: as if resumed
            state = ours.state_dict()
            ours = ExponentialMovingAverage(model, **settings)
            ours.load_state_dict(theirs.state_dict())
            theirs.load_state_dict(state)
        for average in (ours, theirs):
            average.update_parameters(model)
        for name, value in theirs.state_dict().items():
            assert torch.equal(ours.state_dict()[name], value), name


def test_the_names_of_mmengines_hook_are_not_taken_for_ours(cfg, build_runner):
    make(cfg)
    cfg.default_hooks.ema.type = 'EMAHook'
    build_runner(cfg).train()
    make(cfg)
    cfg.train_cfg.max_epochs = 3
    cfg.resume, cfg.load_from = True, f'{cfg.work_dir}/epoch_2.pth'
    with pytest.raises(ValueError, match="is of mmengine's EMAHook"):
        build_runner(cfg).train()
