"""The demo's configs, made small enough to train in seconds."""
import numpy as np
import pytest
import torch
from mmengine.config import Config
from mmengine.registry import MODELS

from .tools import ROOT


def write_idx(path, array):
    """Write an array of bytes as Fashion-MNIST's files are."""
    header = np.array([0x800 + array.ndim, *array.shape], dtype='>i4')
    path.write_bytes(header.tobytes() + array.astype(np.uint8).tobytes())


@pytest.fixture(scope='session')
def fashion_mnist(tmp_path_factory):
    """A folder in Fashion-MNIST's layout: 64 + 32 learnable images."""
    folder = tmp_path_factory.mktemp('fashion-mnist')
    rng = np.random.default_rng(0)
    for split, size in (('train', 64), ('t10k', 32)):
        labels = np.arange(size) % 10
        images = rng.integers(0, 100, (size, 28, 28))
        for image, label in zip(images, labels):
            image[2 * label:2 * label + 4] += 150
        write_idx(folder / f'{split}-images-idx3-ubyte', images)
        write_idx(folder / f'{split}-labels-idx1-ubyte', labels)
    return folder


@pytest.fixture(scope='session')
def demo_teacher(tmp_path_factory):
    """A checkpoint for the teacher of the demo, with random weights."""
    cfg = Config.fromfile(ROOT / 'configs/demo/teacher.py')
    cfg.model.type = 'mmpretrain.ImageClassifier'
    torch.manual_seed(0)
    path = tmp_path_factory.mktemp('teacher') / 'teacher.pth'
    torch.save(dict(state_dict=MODELS.build(cfg.model).state_dict()), path)
    return path


@pytest.fixture
def options(fashion_mnist):
    """Overrides that make the demo's configs small."""
    return [
        '--cfg-options', 'train_dataloader.batch_size=16',
        'train_dataloader.num_workers=0',
        'val_dataloader.batch_size=16', 'val_dataloader.num_workers=0',
        'test_dataloader.batch_size=16', 'test_dataloader.num_workers=0',
        'train_cfg.max_epochs=2', 'param_scheduler.0.end=2',
        'param_scheduler.1.begin=2', 'default_hooks.logger.interval=1',
        f'train_dataloader.dataset.data_root={fashion_mnist}',
        f'val_dataloader.dataset.data_root={fashion_mnist}',
        f'test_dataloader.dataset.data_root={fashion_mnist}'
    ]


@pytest.fixture
def distilled_options(options, demo_teacher):
    """The same for the distilled student."""
    return [
        *options, 'default_hooks.teacher.preflight=0',
        f'default_hooks.teacher.teacher.checkpoint={demo_teacher}'
    ]
