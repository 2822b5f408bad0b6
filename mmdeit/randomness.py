"""Random numbers as a function of what they are for, not of what came before.

A key of whole numbers, such as seed, epoch and position of a view, seeds the
generators anew wherever something random begins. So nothing has to be saved,
and no worker, process or restart changes a number.
"""
import contextlib
import random
from collections.abc import Iterator

import numpy as np
import torch

# The last number of a key, so that one view's different uses differ.
MIXING, NETWORK = 1, 2


def seed_all(*key: int, devices: bool = False) -> None:
    """Seed the generators of Python, numpy and torch by a key.

    Transforms and networks of OpenMMLab draw from these. It takes about 20
    microseconds; the accelerators another 70.

    Args:
        *key (int): Whole numbers from 0.
        devices (bool): Whether to seed torch's accelerators too. Defaults to
            False, its CPU alone.
    """
    words = np.random.SeedSequence(key).generate_state(4)
    np.random.seed(words)
    seed = int(words[0]) << 32 | int(words[1])
    random.seed(seed)
    (torch.manual_seed if devices else torch.default_generator.manual_seed)(
        seed >> 1)  # 63 bits


@contextlib.contextmanager
def seeded_numpy(*key: int) -> Iterator[None]:
    """Draw from numpy by a key, and leave its numbers after that as before."""
    state = np.random.get_state()
    np.random.seed(np.random.SeedSequence(key).generate_state(4))
    try:
        yield
    finally:
        np.random.set_state(state)


@contextlib.contextmanager
def keep_random_state() -> Iterator[None]:
    """Leave the random numbers that follow as if nothing had drawn any."""
    python, numpy = random.getstate(), np.random.get_state()
    devices = [torch.cuda.current_device()] if torch.cuda.is_available() else []
    try:
        with torch.random.fork_rng(devices):
            yield
    finally:
        random.setstate(python)
        np.random.set_state(numpy)
