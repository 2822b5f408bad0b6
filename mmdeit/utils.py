"""Small helpers for whatever runs beside a model."""
import contextlib
import signal
import threading
from typing import Iterator

from mmengine.model import BaseTTAModel, is_model_wrapper
from torch import nn


def unwrap_model(model: nn.Module) -> nn.Module:
    """A Runner's model without DDP or test-time augmentation around it."""
    while is_model_wrapper(model) or isinstance(model, BaseTTAModel):
        model = model.module
    return model


@contextlib.contextmanager
def finish_first() -> Iterator[None]:
    """Let what is inside end before SIGINT, SIGTERM and SIGUSR1 take effect."""
    if threading.current_thread() is not threading.main_thread():
        yield  # Python's handlers run in the main thread
        return
    # A signal to all processes of a job also ends the dataloader's workers,
    # and torch's handler of SIGCHLD raises.
    delayed = (signal.SIGINT, signal.SIGTERM, signal.SIGUSR1, signal.SIGCHLD)
    received = set()
    handlers = {
        number: signal.signal(number, lambda number, _: received.add(number))
        for number in delayed
    }
    try:
        yield
    finally:
        for number, handler in handlers.items():
            signal.signal(number, handler or signal.SIG_DFL)
        for number in delayed:
            if number in received:
                signal.raise_signal(number)
