"""Each transform against the official distributions and pixels."""
from functools import partial
from math import ceil, log, sqrt

import numpy as np
import pytest
import torch
from mmengine.config import Config
from mmengine.registry import MODELS, TRANSFORMS

from .config import ROOT
from .fixture import load
from .rule import blocks, photograph

GOLDEN = load('augmentation')
RANDAUGMENT = GOLDEN['randaugment']
ERASING = GOLDEN['random_erasing']
CROP = GOLDEN['random_resized_crop']
NAMES = dict(
    PosterizeIncreasing='Posterize', SolarizeIncreasing='Solarize',
    ColorIncreasing='ColorTransform', ContrastIncreasing='Contrast',
    BrightnessIncreasing='Brightness', SharpnessIncreasing='Sharpness',
    ShearX='Shear', ShearY='Shear', TranslateXRel='Translate',
    TranslateYRel='Translate')
# Grey levels by which means of blocks may differ. Bicubic is not the same
# polynomial in OpenCV and PIL; blends are cut instead of rounded. Elsewhere
# the pixels are equal.
TOLERANCES = dict(
    Rotate=1.5, ShearX=1.5, ShearY=1.5, TranslateXRel=1.5, TranslateYRel=1.5,
    ColorIncreasing=0.7, SharpnessIncreasing=0.7)
DRAWS = 20_000


def build(name):
    cfg = Config.fromfile(
        ROOT / 'configs/_base_/datasets/imagenet_deit_224.py')
    return TRANSFORMS.build(
        next(t for t in cfg.train_pipeline if t.type == f'mmdeit.{name}'))


def test_the_same_transforms():
    """The official ones have no colour jitter, whatever its option says.

    Normalising, and filling what is erased, is the data preprocessor's.
    """
    cfg = Config.fromfile(
        ROOT / 'configs/_base_/datasets/imagenet_deit_224.py')
    names = dict(
        RandomResizedCropAndInterpolation='RandomResizedCrop',
        RandomHorizontalFlip='RandomFlip')
    assert [t.type.removeprefix('mmdeit.')
            for t in cfg.train_pipeline[1:-1]] == [
        names.get(name, name) for name in GOLDEN['transforms']
        if name not in ('ToTensor', 'Normalize')
    ]


@pytest.mark.parametrize('case', CROP['crops'])
def test_crops(case, draws):
    """Within five standard errors of two samples, see test_initialisation."""
    height, width = case['image']
    transform = build('RandomResizedCrop')
    image = np.zeros((height, width, 3), np.uint8)
    top, left, h, w = np.array(
        draws(lambda: transform.rand_crop_params(image), DRAWS)).T
    ours = dict(
        area=h * w / height / width, log_aspect=np.log(w / h),
        top=top / height, left=left / width)
    for key, values in ours.items():
        mean, std = case[key]['mean'], case[key]['std']
        error = 5 * std * sqrt(1 / DRAWS + 1 / CROP['draws'])
        assert values.mean() == pytest.approx(mean, abs=error), key
        assert values.std() == pytest.approx(std, abs=error), key
    # of whole pixels
    assert ours['area'].min() == pytest.approx(0.08, abs=0.005)
    if width / height < 4 / 3:
        assert np.abs(ours['log_aspect']).max() == pytest.approx(
            log(4 / 3), abs=0.02)


def test_flip(draws):
    transform = build('RandomFlip')
    rows = draws(lambda: transform(dict(img=np.array([[0, 1]])))['img'], DRAWS)
    assert np.mean([row.tolist() == [[1, 0]] for row in rows]) == pytest.approx(
        GOLDEN['flip']['probability'], abs=0.016)  # 4 sigma


def test_the_same_operations_equally_often(draws):
    transform = build('RandAugment')
    assert [type(t).__name__ for t in transform.transforms] == [
        NAMES.get(name, name) for name in RANDAUGMENT['ops']
    ]
    assert transform.num_policies == RANDAUGMENT['num_layers']
    for op in transform.transforms:
        assert op.prob == RANDAUGMENT['prob']
        skipped = draws(op.random_disable, 1000)
        assert np.mean(skipped) == pytest.approx(0.5, abs=0.07)  # 4 sigma
    pairs = np.array(draws(transform.random_policy_indices, DRAWS))
    shares = np.bincount(pairs.ravel()) / pairs.size
    assert shares == pytest.approx(1 / 15, abs=0.005)  # 4 sigma
    # the same one twice
    assert np.mean(pairs[:, 0] == pairs[:, 1]) == pytest.approx(
        RANDAUGMENT['repeated'], abs=0.008)


@pytest.mark.parametrize('index', range(len(RANDAUGMENT['ops'])))
def test_strength_of_each_operation(index):
    name = RANDAUGMENT['ops'][index]
    op = build('RandAugment').transforms[index]
    expected = RANDAUGMENT['args'][name]
    if expected is None:
        assert op.magnitude_range is None
        return
    op.magnitude_std = 0
    for level, value in zip(RANDAUGMENT['levels'], expected):
        op.magnitude_level = level
        strength = op.random_magnitude()
        if name in ('PosterizeIncreasing', 'SolarizeIncreasing'):
            strength = ceil(round(strength, 9))  # whole bits and values
        # what is added to a pixel is cut to whole values later
        tolerance = 1. if name == 'SolarizeAdd' else 1e-9
        assert strength == pytest.approx(value, abs=tolerance)


@pytest.mark.parametrize('index', range(len(RANDAUGMENT['ops'])))
def test_pixels_of_each_operation(index):
    """At level 9, in both directions, which are drawn equally often."""
    name = RANDAUGMENT['ops'][index]
    op = build('RandAugment').transforms[index]
    op.prob, op.magnitude_std = 1., 0
    official = RANDAUGMENT['pixels'][name]
    if len(official) == 2:
        np.random.seed(0)
        signs = [op.random_negative(1) for _ in range(DRAWS)]
        assert np.mean(signs) == pytest.approx(0, abs=0.03)  # 4 sigma
    elif op.magnitude_range is not None:
        assert op.random_negative_prob == 0
    image = photograph('randaugment')[..., ::-1]  # BGR
    ours = []
    for op.random_negative_prob in range(len(official)):
        result = op(dict(img=image.copy()))['img']
        ours.append(blocks(result[..., ::-1]))
    close = partial(pytest.approx, abs=TOLERANCES.get(name, 0.1))
    # PIL turns, shears and shifts the other way
    assert ours == [close(x) for x in official] or (
        ours[::-1] == [close(x) for x in official])


def test_level_is_drawn_from_the_same_distribution(draws):
    op = build('RandAugment').transforms[3]
    op.magnitude_range = (0, 10)
    levels = draws(op.random_magnitude, DRAWS)
    # standard error 0.0035
    assert np.mean(levels) == pytest.approx(RANDAUGMENT['level_mean'], abs=.02)
    assert np.std(levels) == pytest.approx(RANDAUGMENT['level_std'], abs=.02)
    assert max(levels) == RANDAUGMENT['level_at_most']


def test_erased_areas(draws):
    transform = build('RandomErasing')
    boxes = np.array(draws(lambda: transform.random_box(224, 224), DRAWS))
    top, left, bottom, right = boxes[boxes.any(axis=1)].T
    assert len(top) / DRAWS == pytest.approx(
        ERASING['probability'], abs=0.0125)  # 4 sigma
    height, width = bottom - top, right - left
    area = height * width / 224**2
    for percent, value in ERASING['area_quantiles'].items():
        assert np.percentile(area, int(percent)) == pytest.approx(
            value, abs=0.015)
    aspect = np.log(height / width)
    assert aspect.mean() == pytest.approx(ERASING['log_aspect_mean'], abs=.03)
    assert aspect.std() == pytest.approx(ERASING['log_aspect_std'], rel=.03)
    # anywhere that it fits, the last row and column included
    assert (bottom.max(), right.max(), top.min(), left.min()) == (224, 224, 0,
                                                                  0)


def test_erased_pixels_are_a_standard_normal():
    """As in the official code: on normalised images, and cut by nothing."""
    cfg = Config.fromfile(
        ROOT / 'configs/_base_/datasets/imagenet_deit_224.py')
    preprocessor = MODELS.build(cfg.data_preprocessor)
    noise = preprocessor(
        dict(
            inputs=torch.zeros(2, 3, 224, 224, dtype=torch.uint8),
            labels=torch.tensor([0, 1]),
            erased=torch.tensor([[0, 0, 224, 224, n] for n in (0, 2**19)])),
        True)['inputs']
    # a share of 3e-5 lies beyond 4.2; the range of a pixel ends at 2.1 and 2.6
    assert abs(noise.mean()) < 0.01 and abs(noise.std() - 1) < 0.01
    assert noise.max() > 4 and noise.min() < -4
