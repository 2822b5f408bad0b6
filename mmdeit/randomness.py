"""Random numbers as a function of what they are for, not of what came before.

A key of whole numbers, such as seed, epoch and position of a view, seeds the
generators anew wherever something random begins. So nothing has to be saved,
and no worker, process or restart changes a number.
"""
import contextlib
import random
import struct
from collections.abc import Iterator
from hashlib import blake2b

import numpy as np
import torch

# The last number of a key, so that one view's different uses differ.
MIXING, NETWORK = 1, 2


def seed_all(*key: int, devices: bool = False) -> None:
    """Seed the generators of Python, numpy and torch by a key.

    Transforms and networks of OpenMMLab draw from these. It takes about 10
    microseconds, 30 between other work; the accelerators another 70.

    Args:
        *key (int): Whole numbers from 0.
        devices (bool): Whether to seed torch's accelerators too. Defaults to
            False, its CPU alone.
    """
    for_numpy, for_python, for_torch = _seeds(key)
    np.random.seed(for_numpy)
    random.seed(for_python)
    (torch.manual_seed if devices else torch.default_generator.manual_seed)(
        for_torch >> 1)  # 63 bits


@contextlib.contextmanager
def seeded_numpy(*key: int) -> Iterator[None]:
    """Draw from numpy by a key, and leave its numbers after that as before."""
    state = np.random.get_state()
    np.random.seed(_seeds(key)[0])
    try:
        yield
    finally:
        np.random.set_state(state)


def _seeds(key: tuple[int, ...]) -> tuple[int, int, int]:
    # numpy's SeedSequence, and its seeding by more than 32 bits, would take
    # five times as long: 2% of what a view takes in all.
    packed = struct.pack(f'<{len(key)}Q', *key)
    return struct.unpack('<IQQ', blake2b(packed, digest_size=20).digest())


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
