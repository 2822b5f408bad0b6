import pytest
import torch
from mmengine.logging import MMLogger
from torch import nn


@pytest.fixture
def model():
    torch.manual_seed(0)
    return nn.Linear(2, 3)


@pytest.fixture
def log(caplog):
    """What mmengine logs."""
    logger = MMLogger.get_current_instance()
    logger.addHandler(caplog.handler)
    yield caplog
    logger.removeHandler(caplog.handler)
