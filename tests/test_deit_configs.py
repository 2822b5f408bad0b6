"""A step of training and of evaluation of each config, on made data."""
import json
import pickle
from pathlib import Path

import cv2
import numpy as np
import pytest
from mmengine.config import Config
from mmengine.runner import Runner

from mmdeit.cli import adapt_to_device, apply_num_classes

from .shrink import IMAGES, shrink

ROOT = Path(__file__).resolve().parents[1]
CONFIGS = sorted(
    f'{folder}/{path.name}' for folder in ('deit', 'students')
    for path in ROOT.glob(f'configs/{folder}/*.py')
    if 'cifar10' not in path.name)
EVALUATIONS = sorted(
    path.name for path in ROOT.glob('configs/evaluation/*.py'))


@pytest.fixture(scope='module')
def imagenet(tmp_path_factory):
    """A few images in ImageNet's layout, with its lists of labels."""
    root = tmp_path_factory.mktemp('imagenet')
    rng = np.random.default_rng(0)
    (root / 'meta').mkdir()
    for split in ('train', 'val'):
        lines = []
        for i in range(IMAGES):
            name = f'n{i:08d}/ILSVRC2012_{split}_{i + 1:08d}.JPEG'
            path = root / split / name
            path.parent.mkdir(parents=True)
            cv2.imwrite(str(path), rng.integers(0, 255, (50, 60, 3)))
            lines.append(f'{name} {250 * i}\n')
        (root / 'meta' / f'{split}.txt').write_text(''.join(lines))
    (root / 'unlabelled').symlink_to(root / 'train')
    return root


@pytest.fixture
def build(tmp_path, monkeypatch):
    """Build the Runner of a config that has been made small."""
    monkeypatch.chdir(tmp_path)

    def build(cfg):
        cfg.load_from = None
        for name in ('train_dataloader', 'val_dataloader', 'test_dataloader'):
            if cfg.get(name) is not None:
                cfg[name].collate_fn = dict(type='default_collate')
        cfg.work_dir = str(tmp_path / 'work')
        cfg.experiment_name = str(tmp_path)
        cfg.launcher = 'none'
        adapt_to_device(cfg)
        return Runner.from_cfg(cfg)

    return build


@pytest.mark.parametrize('name', CONFIGS)
def test_trains_and_evaluates_a_step(name, imagenet, tmp_path, build):
    cfg = Config.fromfile(ROOT / 'configs' / name)
    if cfg.num_classes is None:
        cfg.num_classes = 1000
        apply_num_classes(cfg)
    shrink(cfg, tmp_path)
    for loader in (cfg.train_dataloader, cfg.val_dataloader):
        for dataset in loader.dataset.get('datasets', [loader.dataset]):
            dataset.data_root = str(imagenet)
    runner = build(cfg)
    runner.train()

    assert runner.iter == (2 if 'semi' in name else 1)
    scalars = runner.message_hub.log_scalars
    assert np.isfinite(scalars['train/loss'].current())
    distils = 'distilled' in name or 'usual' in name
    assert ('train/loss_distill' in scalars) == distils
    labelled = 'unlabelled' not in name
    assert ('train/loss_cls' in scalars) == (distils and labelled)
    assert ('train/teacher_agreement' in scalars) == (distils and labelled)
    assert ('train/loss_distill_class' in scalars) != labelled
    assert 'val/accuracy/top1' in scalars
    assert ('val/accuracy/distill_top1' in scalars) == ('distilled' in name)


def test_cifar10(tmp_path, build):
    cfg = Config.fromfile(ROOT / 'configs/deit/deit-tiny-distilled_cifar10.py')
    shrink(cfg, tmp_path)
    (tmp_path / 'data/cifar10').mkdir(parents=True)
    for split in ('train', 'test'):
        data_list = [
            dict(img=np.full((32, 32, 3), i, np.uint8), gt_label=i)
            for i in range(IMAGES)
        ]
        (tmp_path / f'data/cifar10/{split}.pkl').write_bytes(
            pickle.dumps(dict(metainfo={}, data_list=data_list)))
    cfg.train_cfg.val_interval = 1
    runner = build(cfg)
    runner.train()
    assert runner.iter == 1
    assert 'val/accuracy/distill_top1' in runner.message_hub.log_scalars


@pytest.fixture(scope='module')
def imagenet_v2(imagenet, tmp_path_factory):
    """An image for each class, in ImageNet-V2's layout."""
    root = tmp_path_factory.mktemp('imagenet-v2')
    image = next(imagenet.glob('val/*/*'))
    for i in range(1000):
        (root / str(i)).mkdir()
        (root / str(i) / 'a.jpeg').symlink_to(image)
    return root


@pytest.mark.parametrize('name', EVALUATIONS)
def test_evaluates(name, imagenet, imagenet_v2, tmp_path, build):
    cfg = Config.fromfile(ROOT / 'configs/evaluation' / name)
    test = [cfg.pop(f'test_{key}')
            for key in ('dataloader', 'evaluator', 'cfg')]
    cfg.update(test_dataloader={}, test_evaluator={}, test_cfg={})
    shrink(cfg, tmp_path)
    cfg.test_dataloader, cfg.test_evaluator, cfg.test_cfg = test
    cfg.test_dataloader.update(batch_size=IMAGES, num_workers=0)
    dataset = cfg.test_dataloader.dataset
    is_v2 = dataset.type == 'mmdeit.ImageNetV2'
    dataset.data_root = str(imagenet_v2 if is_v2 else imagenet)
    if is_v2:
        dataset.indices = IMAGES
    if 'real' in name:
        path = tmp_path / 'real.json'
        path.write_text(json.dumps([[i % 1000] for i in range(50000)]))
        cfg.test_evaluator[1].label_file = str(path)
    metrics = build(cfg).test()
    assert 'accuracy/distill_top1' in metrics
    assert ('real/softmax_top1' in metrics) == ('real' in name)
    assert 'accuracy/softmax_top1' in metrics
