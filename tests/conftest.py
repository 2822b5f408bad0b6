"""A student, a teacher and a dataset small enough to train in a second."""
import ast
import gc
import time
from copy import deepcopy
from types import SimpleNamespace
from unittest import mock

import pytest
import torch
from mmengine.config import Config
from mmengine.registry import DATASETS, MODELS, init_default_scope
from mmengine.runner import Runner
from mmpretrain.structures import DataSample
from torch.utils.data import Dataset

from .demo import (  # noqa: F401  fixtures
    demo_teacher,
    distilled_options,
    fashion_mnist,
    options,
)

# On tensors this small threads wait longer than they compute, and where
# something else runs on the machine, several times as long.
torch.set_num_threads(1)

NUM_CLASSES = 4

TEACHER = dict(
    type='ImageClassifier',
    backbone=dict(
        type='ResNet_CIFAR',
        depth=18,
        in_channels=1,
        stem_channels=4,
        base_channels=4,
        out_indices=(3, )),
    neck=dict(type='GlobalAveragePooling'),
    head=dict(type='LinearClsHead', num_classes=NUM_CLASSES, in_channels=32))

STUDENT = dict(
    type='ImageClassifier',
    backbone=dict(
        type='mmdeit.DistilledVisionTransformer',
        arch=dict(
            embed_dims=8, num_layers=2, num_heads=2, feedforward_channels=16),
        img_size=8,
        patch_size=4,
        in_channels=1),
    head=dict(
        type='mmdeit.DeiTClsHead',
        num_classes=NUM_CLASSES,
        in_channels=8,
        loss=dict(type='mmdeit.DistillationLoss', mode='hard')),
    data_preprocessor=dict(num_classes=NUM_CLASSES, mean=[128.], std=[64.]),
    train_cfg=dict(augments=[
        dict(type='Mixup', alpha=0.8),
        dict(type='CutMix', alpha=1.0)
    ]))


@DATASETS.register_module()
class ToyDataset(Dataset):
    """Sixteen fixed grey images of 8x8."""
    metainfo = dict(classes=('a', 'b', 'c', 'd'))

    def __len__(self) -> int:
        return 16

    def __getitem__(self, index: int) -> dict:
        generator = torch.Generator().manual_seed(index)
        image = torch.randint(256, (1, 8, 8), generator=generator)
        return dict(
            inputs=image.to(torch.uint8),
            data_samples=DataSample().set_gt_label(index % NUM_CLASSES))


@pytest.fixture(autouse=True)
def default_scope():
    init_default_scope('mmpretrain')


def pytest_collection_finish():
    """Let Python's garbage collector look only at what the tests leave.

    Otherwise it compares that to everything imported, and gigabytes of models,
    each a cycle of references, wait for it.
    """
    gc.collect()
    gc.freeze()
    gc.collect()


@pytest.fixture(autouse=True, scope='session')
def plain_configs():
    """Leave configs unformatted where they are logged and dumped.

    YAPF takes a second for a large one, and each Runner asks it three times.
    """

    def parse(text, **kwargs):
        ast.parse(text)  # YAPF, too, refuses what is no Python
        return text, True

    with mock.patch('mmengine.config.config.FormatCode', parse):
        yield


@pytest.fixture(autouse=True)
def no_pause(monkeypatch):
    """Go on at once where mmengine rests for 2 seconds between two epochs.

    Its IterBasedTrainLoop does, for workers that end while others start; the
    tests have none.
    """
    clock = SimpleNamespace(**{**vars(time), 'sleep': lambda seconds: None})
    monkeypatch.setattr('mmengine.runner.loops.time', clock)


@pytest.fixture
def teacher_file(tmp_path):
    """A checkpoint of the teacher, with random weights."""
    torch.manual_seed(1)
    teacher = MODELS.build(deepcopy(TEACHER))
    path = tmp_path / 'teacher.pth'
    torch.save(dict(state_dict=teacher.state_dict()), path)
    return path


@pytest.fixture
def cfg(tmp_path, teacher_file):
    """The config of a distillation: two epochs of four iterations."""
    loader = dict(
        batch_size=4,
        dataset=dict(type='ToyDataset'),
        collate_fn=dict(type='default_collate'))
    return Config(
        dict(
            default_scope='mmpretrain',
            work_dir=str(tmp_path / 'work'),
            model=deepcopy(STUDENT),
            train_dataloader=dict(
                sampler=dict(type='DefaultSampler', shuffle=True), **loader),
            val_dataloader=dict(
                sampler=dict(type='DefaultSampler', shuffle=False), **loader),
            test_dataloader=dict(
                sampler=dict(type='DefaultSampler', shuffle=False), **loader),
            val_evaluator=dict(type='mmdeit.HeadsAccuracy', topk=(1, 2)),
            test_evaluator=dict(type='mmdeit.HeadsAccuracy', topk=(1, 2)),
            optim_wrapper=dict(optimizer=dict(type='AdamW', lr=1e-2)),
            param_scheduler=dict(type='CosineAnnealingLR'),
            train_cfg=dict(by_epoch=True, max_epochs=2),
            val_cfg=dict(),
            test_cfg=dict(),
            default_hooks=dict(
                logger=dict(type='LoggerHook', interval=1),
                checkpoint=dict(type='mmdeit.CheckpointHook', interval=1),
                teacher=dict(
                    type='mmdeit.TeacherHook',
                    teacher=dict(
                        type='mmdeit.Teacher',
                        model=deepcopy(TEACHER),
                        checkpoint=str(teacher_file)),
                    preflight=0,  # its weights are random
                    log_interval=1)),
            log_level='WARNING',
            randomness=dict(seed=0)))


@pytest.fixture
def build_runner():
    """Build a Runner under a name of its own; mmengine keeps them apart."""
    counter = iter(range(100))

    def build(cfg: Config) -> Runner:
        cfg = deepcopy(cfg)
        cfg.experiment_name = f'{cfg.work_dir}-{next(counter)}'
        return Runner.from_cfg(cfg)

    return build
