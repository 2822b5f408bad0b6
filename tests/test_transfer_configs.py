"""The transfers' recipes, and a step of each on made data as it is laid out."""
import hashlib
import json
import pickle
from copy import deepcopy
from pathlib import Path

import cv2
import mat4py
import numpy as np
import pytest
import torch
from mmengine.config import Config
from mmengine.dataset import Compose
from mmengine.registry import TRANSFORMS
from mmengine.runner import Runner
from mmpretrain.datasets import CIFAR100

from mmdeit.cli import adapt_to_device

from .shrink import IMAGES, save, shrink

ROOT = Path(__file__).resolve().parents[1]
NUM_CLASSES = dict(
    cifar10=10, cifar100=100, flowers102=102, cars=196, inat18=8142,
    inat19=1010)
TARGETS = list(NUM_CLASSES)


def load(target, teacher):
    """A config as it is in the repository."""
    suffix = '_teacher' if teacher else ''
    return Config.fromfile(
        ROOT / f'configs/transfer/deit-base-distilled_{target}{suffix}.py')


def test_the_targets_are_all_there():
    names = {p.stem for p in ROOT.glob('configs/transfer/*.py')}
    assert names == {
        f'deit-base-distilled_{target}{suffix}'
        for target in TARGETS for suffix in ('', '_teacher')
    }


@pytest.mark.parametrize('target, optimizer, epochs, drop_path, erasing', [
    # deit#45, for Flowers too
    *((target, dict(
        type='SGD', lr=0.01, momentum=0.9, nesterov=True, weight_decay=1e-4),
       1000, 0, 0) for target in ('cifar10', 'cars', 'flowers102')),
    # dino#144
    ('cifar100', dict(
        type='AdamW', lr=5e-6, weight_decay=0.05, eps=1e-8,
        betas=(0.9, 0.999)), 1000, 0.1, 0),
    # deit#105
    *((target, dict(
        type='AdamW', lr=7.5e-5, weight_decay=0.05, eps=1e-8,
        betas=(0.9, 0.999)), 360, 0.1, 0.1) for target in ('inat18', 'inat19')),
])
@pytest.mark.parametrize('teacher', [False, True])
def test_recipe(target, teacher, optimizer, epochs, drop_path, erasing):
    cfg = load(target, teacher)
    assert cfg.optim_wrapper.optimizer == optimizer
    assert cfg.train_cfg.max_epochs == epochs
    assert cfg.model.backbone.drop_path_rate == drop_path
    assert cfg.train_dataloader.batch_size * 8 == 768
    assert cfg.train_dataloader.sampler.type == 'mmdeit.RepeatAugSampler'
    assert [
        t.erase_prob for t in cfg.train_dataloader.dataset.pipeline
        if t.type == 'mmdeit.RandomErasing'
    ] == ([erasing] if erasing else [])
    assert cfg.test_dataloader == cfg.val_dataloader
    assert (cfg.data_preprocessor.num_classes == cfg.model.head.num_classes ==
            NUM_CLASSES[target])

    assert cfg.model.head.loss.mode == ('hard' if teacher else 'none')
    assert ('teacher' in cfg.default_hooks) == teacher
    if teacher:
        hook = cfg.default_hooks.teacher
        assert hook.teacher.model.backbone.arch == 'regnety_16gf'
        assert hook.teacher.model.head.num_classes == NUM_CLASSES[target]
        assert hook.teacher.checkpoint == (
            f'checkpoints/regnety-16gf_{target}.pth')


def test_both_twins_read_the_same_images():
    for target in TARGETS:
        alone, taught = load(target, False), load(target, True)
        for key in ('data_preprocessor', 'train_dataloader', 'val_dataloader',
                    'optim_wrapper', 'param_scheduler', 'train_cfg'):
            assert alone[key] == taught[key]


@pytest.mark.parametrize('target', ['cifar10', 'cifar100'])
@pytest.mark.parametrize('loader', ['train_dataloader', 'val_dataloader'])
def test_cifar_is_bgr_at_224(target, loader):
    """A red image, RGB as CIFAR is read, is red to the data preprocessor."""
    red = np.zeros((32, 32, 3), np.uint8)
    red[..., 0] = 255
    pipeline = load(target, False)[loader].dataset.pipeline
    geometry = [t for t in pipeline if t.type != 'mmdeit.RandAugment']
    inputs = Compose([TRANSFORMS.build(t) for t in geometry])(
        dict(img=red, gt_label=0))['inputs']
    assert inputs.shape == (3, 224, 224)
    assert inputs.float().mean(dim=(1, 2)).tolist() == [0, 0, 255]


def write_image(path):
    path.parent.mkdir(parents=True, exist_ok=True)
    image = np.random.default_rng(0).integers(0, 256, (32, 40, 3), np.uint8)
    cv2.imwrite(str(path), image)


def make_cifar10(root, monkeypatch):
    for split in ('train', 'test'):
        data_list = [
            dict(img=np.full((32, 32, 3), i, np.uint8), gt_label=i)
            for i in range(IMAGES)
        ]
        (root / f'data/cifar10/{split}.pkl').write_bytes(
            pickle.dumps(dict(metainfo={}, data_list=data_list)))


def make_cifar100(root, monkeypatch):
    """As the archive unpacks, with this data's checksums as the official."""
    folder = root / 'data/cifar100/cifar-100-python'
    folder.mkdir()
    content = pickle.dumps(
        dict(
            data=np.zeros((IMAGES, 3 * 32 * 32), np.uint8),
            fine_labels=[0, 99] * 2))
    md5 = hashlib.md5(content).hexdigest()
    for split in ('train', 'test'):
        (folder / split).write_bytes(content)
        monkeypatch.setattr(CIFAR100, f'{split}_list', [[split, md5]])


def make_flowers102(root, monkeypatch):
    folder = root / 'data/flowers102'
    mat4py.savemat(
        str(folder / 'imagelabels.mat'), dict(labels=[1, 102] * IMAGES))
    mat4py.savemat(
        str(folder / 'setid.mat'),
        dict(trnid=[1, 2], valid=[3, 4], tstid=[5, 6, 7, 8]))
    for i in range(1, 9):
        write_image(folder / f'jpg/image_{i:05}.jpg')


def make_cars(root, monkeypatch):
    folder = root / 'data/stanford_cars'
    (folder / 'devkit').mkdir()
    names = [f'{i + 1:05}.jpg' for i in range(IMAGES)]
    for split, file in (('train', 'cars_train_annos'),
                        ('test', 'cars_test_annos_withlabels')):
        annotations = {'fname': names, 'class': [1, 196] * 2}
        mat4py.savemat(
            str(folder / f'devkit/{file}.mat'), dict(annotations=annotations))
        for name in names:
            write_image(folder / f'cars_{split}' / name)


def make_inaturalist(root, monkeypatch, year, classes):
    folder = root / f'data/inaturalist{year}'
    name = f'train_val{year}/Aves/0/a.jpg'
    write_image(folder / name)
    content = dict(
        images=[dict(id=i, file_name=name) for i in range(IMAGES)],
        annotations=[
            dict(id=i, image_id=i, category_id=(classes - 1) * (i % 2))
            for i in range(IMAGES)
        ],
        categories=[dict(id=i, name=str(i)) for i in range(classes)])
    for split in ('train', 'val'):
        (folder / f'{split}{year}.json').write_text(json.dumps(content))


def make_inat18(root, monkeypatch):
    make_inaturalist(root, monkeypatch, 2018, 8142)


def make_inat19(root, monkeypatch):
    make_inaturalist(root, monkeypatch, 2019, 1010)


MAKE = dict(
    cifar10=make_cifar10, cifar100=make_cifar100, flowers102=make_flowers102,
    cars=make_cars, inat18=make_inat18, inat19=make_inat19)


@pytest.mark.parametrize('target', TARGETS)
@pytest.mark.parametrize('teacher', [False, True])
def test_trains_and_evaluates_a_step(target, teacher, tmp_path, monkeypatch,
                                     capfd):
    monkeypatch.chdir(tmp_path)
    # The Runner formats its config five times: half of this test's time.
    monkeypatch.setattr(Config, 'pretty_text', '')
    cfg = load(target, teacher)
    shrink(cfg, tmp_path)
    pretrained = deepcopy(cfg.model)
    pretrained.head.num_classes = 1000
    pretrained = save(pretrained, tmp_path / cfg.load_from)
    Path(cfg.train_dataloader.dataset.data_root).mkdir(parents=True)
    MAKE[target](tmp_path, monkeypatch)
    cfg.work_dir = str(tmp_path / 'work')
    cfg.experiment_name = f'{tmp_path}'
    cfg.launcher = 'none'
    adapt_to_device(cfg)

    runner = Runner.from_cfg(cfg)
    runner.train()

    assert runner.iter == 1
    scalars = runner.message_hub.log_scalars
    assert ('train/loss_distill' in scalars) == teacher
    assert np.isfinite(scalars['train/loss'].current())
    for head in ('', 'class_', 'distill_'):
        assert f'val/accuracy/{head}top1' in scalars
    # The backbone came from the checkpoint; the heads did not, and were named.
    start = pretrained.backbone.state_dict()
    for name, tensor in runner.model.backbone.state_dict().items():
        assert torch.allclose(tensor, start[name], atol=1e-3), name
    log = ''.join(capfd.readouterr())
    for name in ('head', 'head_dist'):
        assert f'head.layers.{name}.weight' in log
    classes = cfg.model.head.num_classes
    assert f'for 1000 classes, the model has {classes}' in log
    assert 'size mismatch' not in log
