"""Helpers for whatever runs beside a model."""
import random

import numpy as np
import torch
from mmengine.model import BaseModel, BaseTTAModel
from mmengine.registry import MODEL_WRAPPERS
from torch import nn

from mmdeit.utils import keep_random_state, unwrap_model


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
