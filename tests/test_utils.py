"""Helpers for whatever runs beside a model."""
import random
import signal
import threading

import numpy as np
import pytest
import torch
from mmengine.model import BaseModel, BaseTTAModel
from mmengine.registry import MODEL_WRAPPERS
from torch import nn

from mmdeit.utils import finish_first, keep_random_state, unwrap_model


def test_random_numbers_stay_what_they_are_without():
    def draw():
        return random.random(), np.random.rand(), torch.rand(1).item()

    torch.manual_seed(0), np.random.seed(0), random.seed(0)
    expected = draw()
    torch.manual_seed(0), np.random.seed(0), random.seed(0)
    with keep_random_state():
        draw()
    assert draw() == expected


def test_unwraps_data_parallel_and_test_time_augmentation():
    @MODEL_WRAPPERS.register_module()
    class Wrapper(nn.Module):
        def __init__(self, module):
            super().__init__()
            self.module = module

    class Views(BaseTTAModel):
        def merge_preds(self, data_samples_list):
            pass

    class Model(BaseModel):
        def forward(self, inputs):
            return inputs

    model = Model()
    assert unwrap_model(model) is model
    assert unwrap_model(Wrapper(Views(model))) is model


@pytest.mark.parametrize('name', ['SIGINT', 'SIGTERM'])
def test_a_signal_waits_for_the_end(name):
    """And an end of a worker, which the same signal causes, comes after it."""
    events = []
    numbers = [getattr(signal, name), signal.SIGCHLD]
    handlers = [
        signal.signal(number, lambda number, _: events.append(number))
        for number in numbers
    ]
    try:
        with finish_first():
            for number in reversed(numbers):
                signal.raise_signal(number)
            events.append('finished')
        assert events == ['finished', *numbers]
        signal.raise_signal(numbers[0])
        assert events[3:] == numbers[:1]
    finally:
        for number, handler in zip(numbers, handlers):
            signal.signal(number, handler)


def test_other_threads_get_no_signals():
    done = []

    def save():
        with finish_first():
            done.append(True)

    thread = threading.Thread(target=save)
    thread.start()
    thread.join()
    assert done
