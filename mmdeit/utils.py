"""Small helpers for whatever runs beside a model."""
import contextlib
import random
from typing import Iterator

import numpy as np
import torch
from mmengine.model import BaseTTAModel, is_model_wrapper
from torch import nn


def unwrap_model(model: nn.Module) -> nn.Module:
    """A Runner's model without DDP or test-time augmentation around it."""
    while is_model_wrapper(model) or isinstance(model, BaseTTAModel):
        model = model.module
    return model


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
