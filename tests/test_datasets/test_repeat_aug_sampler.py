from collections import Counter

import pytest
import torch
from mmengine.registry import DATA_SAMPLERS

from mmdeit.datasets import repeat_aug_sampler
from mmdeit.datasets.repeat_aug_sampler import RepeatAugSampler


@pytest.fixture
def of_rank(monkeypatch):
    """The indices of a rank, as in a process group."""

    def indices(rank, world_size, size, epoch=0):
        monkeypatch.setattr(
            'mmpretrain.datasets.samplers.repeat_aug.get_dist_info',
            lambda: (rank, world_size))
        sampler = RepeatAugSampler(range(size), seed=0)
        sampler.set_epoch(epoch)
        assert len(sampler) == len(list(sampler))
        return list(sampler)

    return indices


def test_views_of_an_image_go_to_different_ranks(of_rank):
    views = list(zip(*(of_rank(rank, 3, 600) for rank in range(3))))
    assert all(a == b == c for a, b, c in views)
    assert len(views) == 512 // 3


def test_order_by_hand(of_rank):
    generator = torch.Generator().manual_seed(7)
    order = torch.randperm(300, generator=generator).tolist()
    expected = [image for image in order for _ in range(3)][:256]
    assert of_rank(0, 1, 300, epoch=7) == expected


@pytest.mark.parametrize('size, views', [
    (1_281_167, 1_281_024), (512, 512), (511, 256), (255, 255), (4, 4)])
def test_length_of_an_epoch(size, views):
    assert len(RepeatAugSampler(range(size))) == views


def test_a_third_of_the_images_three_times_each(of_rank):
    counts = Counter(of_rank(0, 1, 3 * 256))
    assert len(counts) == 256 and set(counts.values()) == {3}


def test_the_runners_seed_is_a_default():
    cfg = dict(type='mmdeit.RepeatAugSampler')
    build = dict(default_args=dict(dataset=range(256), seed=5))
    assert DATA_SAMPLERS.build(dict(cfg), **build).seed == 5
    assert DATA_SAMPLERS.build(dict(cfg, seed=0), **build).seed == 0


def test_says_what_it_does_on_one_process(monkeypatch):
    lines = []
    monkeypatch.setattr(repeat_aug_sampler, 'print_log',
                        lambda line, logger: lines.append(line))
    RepeatAugSampler(range(256))
    assert lines == ['RepeatAugSampler on one process: the 3 views of an image '
                     'share a batch.']
