import random

import numpy as np
import pytest
import torch

from mmdeit.randomness import keep_random_state, seed_all, seeded_numpy


def draw():
    return random.random(), np.random.rand(), torch.rand(1).item()


def test_a_key_says_all_numbers():
    seed_all(0, 3, 1000)
    first = draw()
    assert draw() != first
    seed_all(0, 3, 1000)
    assert draw() == first


def test_numbers_stay_from_release_to_release():
    """Or a training would go on as another one after an upgrade."""
    seed_all(0, 3, 1000)
    assert draw() == pytest.approx(
        (0.4374109541288298, 0.6025413419217639, 0.5977255702018738))


def test_each_number_of_a_key_counts():
    keys = [(s, e, p, *tag) for s in (0, 1) for e in (0, 1) for p in (0, 1)
            for tag in ((), (1, ), (2, ))]
    drawn = []
    for key in keys:
        seed_all(*key)
        drawn.append(draw())
    for one in zip(*drawn):
        assert len(set(one)) == len(keys)


def test_numbers_of_neighbours_are_independent():
    """Epochs, and positions in the order, are counted, not drawn."""
    drawn = []
    for position in range(2000):
        seed_all(0, 0, position)
        drawn.append(draw())
    drawn = np.array(drawn)
    assert drawn.mean(0) == pytest.approx(0.5, abs=0.026)  # 4 sigma
    for lag in (1, 2, 8):
        r = np.corrcoef(drawn[lag:].T, drawn[:-lag].T) - np.eye(6)
        assert np.abs(r).max() < 0.1


def test_numpy_alone_for_a_while():
    np.random.seed(0), torch.manual_seed(0), random.seed(0)
    expected = draw()
    np.random.seed(0), torch.manual_seed(0), random.seed(0)
    with seeded_numpy(1, 2, 3):
        first = np.random.rand()
    with seeded_numpy(1, 2, 3):
        assert np.random.rand() == first
    assert draw() == expected


def test_random_numbers_stay_what_they_are_without():
    torch.manual_seed(0), np.random.seed(0), random.seed(0)
    expected = draw()
    torch.manual_seed(0), np.random.seed(0), random.seed(0)
    with keep_random_state():
        draw()
    assert draw() == expected
