"""Helpers for whatever runs beside a model."""
import signal
import threading

import pytest
from mmengine.model import BaseModel, BaseTTAModel
from mmengine.registry import MODEL_WRAPPERS
from torch import nn

from mmdeit.utils import finish_first, unwrap_model


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
