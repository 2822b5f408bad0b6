"""The official order of the images, index by index."""
from hashlib import sha256

import pytest

from mmdeit.datasets import RepeatAugSampler

from .fixture import load

GOLDEN = load('repeated_augmentation')


@pytest.mark.parametrize(
    'case', [case for case in GOLDEN['cases'] if case['size'] >= 256],
    ids=lambda case: '-'.join(
        str(case[k]) for k in ('size', 'world_size', 'rank', 'epoch')))
def test_indices(case, monkeypatch):
    monkeypatch.setattr(
        'mmpretrain.datasets.samplers.repeat_aug.get_dist_info',
        lambda: (case['rank'], case['world_size']))
    sampler = RepeatAugSampler(
        range(case['size']), num_repeats=GOLDEN['num_repeats'], seed=0)
    sampler.set_epoch(case['epoch'])
    indices = list(sampler)
    assert len(sampler) == len(indices) == case['length']
    assert indices[:10] == case['first'][:10]
    digest = sha256(','.join(map(str, indices)).encode()).hexdigest()
    assert digest == case['sha256']


def test_small_datasets_are_kept():
    """Where the official sampler has no image left, a deviation."""
    assert all(case['length'] == 0 for case in GOLDEN['cases']
               if case['size'] < 256)
    assert len(RepeatAugSampler(range(255))) == 255
