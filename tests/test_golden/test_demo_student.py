"""Fifty seeded steps of the demo's student, against those of release 0.1.

Its losses were recorded before the batch became tensors and distillation moved
to one place, with mixing switched off: nothing of the arithmetic has changed.
On the machine they were recorded on they are equal to the last bit; the rate is
a twentieth of the demo's, so that rounding on another does not grow.
"""
import pytest
import torch
from mmengine.config import Config
from mmengine.registry import MODELS

from .config import ROOT
from .fixture import load


@pytest.fixture
def demo(fashion_mnist, tmp_path):
    cfg = Config.fromfile(ROOT / 'configs/demo/student-distilled.py')
    teacher = cfg.default_hooks.teacher
    torch.manual_seed(0)
    network = MODELS.build(teacher.teacher.model.copy())
    network.init_weights()
    torch.save(network.state_dict(), tmp_path / 'teacher.pth')
    teacher.teacher.checkpoint = str(tmp_path / 'teacher.pth')
    teacher.preflight = 0
    cfg.model.pop('train_cfg')  # Mixup and CutMix
    cfg.train_dataloader.update(
        batch_size=16,
        num_workers=0,
        collate_fn=dict(type='default_collate'))
    cfg.train_dataloader.dataset.data_root = str(fashion_mnist)
    for key in ('val', 'test'):
        for part in ('cfg', 'dataloader', 'evaluator'):
            cfg.pop(f'{key}_{part}')
    cfg.train_cfg = dict(by_epoch=False, max_iters=50)
    cfg.param_scheduler = None
    cfg.optim_wrapper.optimizer.lr = 1e-4
    cfg.default_hooks.update(checkpoint=None)
    cfg.work_dir = str(tmp_path)
    cfg.log_level = 'WARNING'
    return cfg


def test_fifty_steps(demo, build_runner):
    runner = build_runner(demo)
    runner.train()
    for name, expected in load('demo_student').items():
        losses = runner.message_hub.get_scalar(f'train/{name}').data[0]
        assert len(expected) == 50
        assert losses.tolist() == pytest.approx(expected, rel=0, abs=1e-5)
