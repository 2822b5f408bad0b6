"""Pictures, and a teacher with weights."""
from copy import deepcopy

import pytest
import torch
from mmengine.registry import MODELS, init_default_scope

from tests.conftest import TEACHER
from tests.pictures import write_pictures


@pytest.fixture(scope='module')
def folder(tmp_path_factory):
    return write_pictures(tmp_path_factory.mktemp('pictures'), 48)


@pytest.fixture
def teacher(tmp_path):
    """The config of a teacher with weights."""
    return write_teacher(tmp_path / 'teacher.pth')


def write_teacher(file, seed=1):
    """Write the weights of a teacher, and return its config."""
    init_default_scope('mmpretrain')
    model = deepcopy(TEACHER)
    model['backbone']['in_channels'] = 3
    torch.manual_seed(seed)
    torch.save(dict(state_dict=MODELS.build(deepcopy(model)).state_dict()),
               file)
    return dict(type='mmdeit.Teacher', model=model, checkpoint=str(file))
