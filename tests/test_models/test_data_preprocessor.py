from types import SimpleNamespace

import numpy as np
import pytest
import torch
from mmpretrain.engine import SwitchRecipeHook
from mmpretrain.models import ClsDataPreprocessor as _ClsDataPreprocessor
from mmpretrain.structures import DataSample

from mmdeit.models import ClsDataPreprocessor
from mmdeit.models.erasing import NOISES

N, K = 6, 5
NORMALISE = dict(mean=[10., 20., 30.], std=[2., 4., 5.], to_rgb=True)
AUGMENTS = dict(augments=[
    dict(type='Mixup', alpha=0.8),
    dict(type='CutMix', alpha=1.)
])


@pytest.fixture
def images():
    generator = torch.Generator().manual_seed(0)
    return torch.randint(
        256, (N, 3, 16, 16), generator=generator, dtype=torch.uint8)


def samples(count=N):
    return [DataSample().set_gt_label(i % K) for i in range(count)]


def test_normalises_as_mmpretrain(images):
    ours = ClsDataPreprocessor(**NORMALISE)
    theirs = _ClsDataPreprocessor(**NORMALISE)
    expected = theirs(dict(inputs=images))['inputs']
    for training in (False, True):
        batch = ours(dict(inputs=images, data_samples=samples()), training)
        assert torch.equal(batch['inputs'], expected)
    as_list = ours(
        dict(
            inputs=[*images],
            labels=[*torch.arange(N)],
            erased=[torch.zeros(5, dtype=torch.long)] * N), True)
    assert torch.equal(as_list['inputs'], expected)


def test_targets_of_training_are_tensors(images):
    labels = torch.arange(N) % K
    batch = ClsDataPreprocessor(**NORMALISE)(
        dict(inputs=images, labels=labels), True)
    assert batch['data_samples'].target is labels
    np.random.seed(0)  # a box may be empty
    mixed = ClsDataPreprocessor(
        **NORMALISE, num_classes=K, batch_augments=AUGMENTS)(
            dict(inputs=images, labels=labels), True)
    assert mixed['data_samples'].target.shape == (N, K)
    torch.testing.assert_close(mixed['data_samples'].target.sum(1),
                               torch.ones(N))
    assert not torch.equal(mixed['inputs'], batch['inputs'])


def test_mixing_can_be_switched_off(images):
    """By mmpretrain's hook, for the last epochs."""
    preprocessor = ClsDataPreprocessor(
        **NORMALISE, num_classes=K, batch_augments=AUGMENTS)
    model = SimpleNamespace(data_preprocessor=preprocessor)
    SwitchRecipeHook._switch_batch_augments(SimpleNamespace(model=model), None)
    batch = preprocessor(
        dict(inputs=images, labels=torch.arange(N) % K), True)
    assert batch['data_samples'].mixed is None


def test_validation_is_mmpretrains(images):
    """Nothing is mixed, and the samples stay what they are."""
    preprocessor = ClsDataPreprocessor(
        **NORMALISE, num_classes=K, batch_augments=AUGMENTS)
    given = samples()
    batch = preprocessor(dict(inputs=images, data_samples=given), False)
    assert batch['data_samples'] is given
    assert preprocessor(dict(inputs=images))['data_samples'] is None


def test_validation_of_what_our_packing_packs(images):
    preprocessor = ClsDataPreprocessor(
        **NORMALISE, num_classes=K, batch_augments=AUGMENTS)
    labels = torch.arange(N) % K
    batch = preprocessor(dict(inputs=images, labels=labels), False)
    assert torch.equal(batch['inputs'],
                       preprocessor(dict(inputs=images))['inputs'])
    assert [s.gt_label.item() for s in batch['data_samples']] == [*labels]
    assert isinstance(batch['data_samples'][0], DataSample)


def test_erases_after_normalising_and_before_mixing(images, monkeypatch):
    monkeypatch.setattr(np.random, 'beta', lambda *alphas: 0.25)
    preprocessor = ClsDataPreprocessor(
        **NORMALISE, num_classes=K,
        batch_augments=dict(augments=[dict(type='Mixup', alpha=1.)]))
    preprocessor.erasing._series = torch.full((NOISES + 3 * 16 * 16, ), 999.)
    boxes = torch.zeros(N, 5, dtype=torch.long)
    boxes[0] = torch.tensor([2, 3, 10, 8, 0])
    data = dict(inputs=images, labels=torch.arange(N) % K)
    plain = preprocessor(data, True)
    erased = preprocessor(dict(data, erased=boxes), True)
    changed = erased['inputs'] != plain['inputs']
    assert changed[0, :, 2:10, 3:8].all() and changed[-1, :, 2:10, 3:8].all()
    assert changed.sum() == 2 * 3 * 8 * 5  # the image and its partner
    normalised = preprocessor(dict(inputs=images))['inputs']
    torch.testing.assert_close(
        erased['inputs'][0, :, 2:10, 3:8],
        0.25 * 999. + 0.75 * normalised[-1, :, 2:10, 3:8])
