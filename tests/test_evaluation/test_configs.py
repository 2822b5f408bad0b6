"""What ``configs/evaluation`` tests on, and how."""
from pathlib import Path

import cv2
import numpy as np
import pytest
from mmengine.config import Config
from mmpretrain.registry import TRANSFORMS

FOLDER = Path(__file__).resolve().parents[2] / 'configs/evaluation'


def load(name):
    return Config.fromfile(FOLDER / f'{name}.py')


def test_imagenet_v2():
    cfg = load('deit-base-distilled_v2')
    dataset = cfg.test_dataloader.dataset
    assert set(dataset) == {'type', 'data_root', 'pipeline'}
    assert dataset.type == 'mmdeit.ImageNetV2'
    assert dataset.pipeline == cfg.test_pipeline
    assert cfg.val_dataloader.dataset.type == 'mmdeit.ImageNet'


def test_real_and_usual_labels_in_one_pass():
    cfg = load('deit-base-distilled_real')
    assert cfg.test_dataloader == cfg.val_dataloader
    assert [metric.type for metric in cfg.test_evaluator] == [
        'mmdeit.HeadsAccuracy', 'mmdeit.ReaLAccuracy'
    ]
    assert all(metric.mean_softmax for metric in cfg.test_evaluator)


@pytest.mark.parametrize('name, crop, visible', [
    ('deit-base-distilled_v2', 224, .875),
    ('deit-base-distilled_real', 224, .875),
    ('deit-base-distilled_crop-0.9', 224, .9),
    ('deit-base-distilled_crop-1.0', 224, 1),
    ('deit-base-distilled-384_squash', 384, 1),
])
def test_crop(tmp_path, name, crop, visible):
    """The columns grow from left to right; their span is what is seen."""
    columns = np.linspace(0, 255, 1000).astype(np.uint8)
    path = str(tmp_path / 'image.png')
    cv2.imwrite(path, np.tile(columns[:, None], (1000, 1, 3)))
    results = dict(img_path=path)
    for transform in load(name).test_dataloader.dataset.pipeline[:-1]:
        results = TRANSFORMS.build(transform)(results)
    assert results['img'].shape == (crop, crop, 3)
    span = float(results['img'][0, -1, 0]) - float(results['img'][0, 0, 0])
    assert span / 255 == pytest.approx(visible, abs=.01)


def test_squash_keeps_the_whole_of_a_wide_image(tmp_path):
    image = np.zeros((100, 300, 3), np.uint8)
    image[:, -20:] = 255
    path = str(tmp_path / 'image.png')
    cv2.imwrite(path, image)
    results = dict(img_path=path)
    cfg = load('deit-base-distilled-384_squash')
    for transform in cfg.test_dataloader.dataset.pipeline[:-1]:
        results = TRANSFORMS.build(transform)(results)
    assert results['img'].shape == (384, 384, 3)
    assert results['img'][0, -1, 0] == 255
