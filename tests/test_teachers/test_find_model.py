import re
from copy import deepcopy

import mmpretrain
import pytest
import torch
from mmengine.registry import MODELS, DefaultScope
from mmpretrain.apis import ModelHub

from mmdeit.teachers import StudentSpec, Teacher
from mmdeit.teachers.find_model import find_model

NAME = 'resnet18_8xb16_cifar10'
SPEC = StudentSpec(10, (10., 20., 30.), (40., 50., 60.))


@pytest.fixture
def metainfo():
    return ModelHub.get(NAME)


@pytest.fixture
def network(metainfo):
    """The network as mmpretrain builds it, with random weights."""
    torch.manual_seed(1)
    cfg = deepcopy(metainfo.config)
    return MODELS.build(
        dict(cfg.model, data_preprocessor=cfg.data_preprocessor)).eval()


@pytest.fixture
def hub(network, metainfo, tmp_path, monkeypatch):
    """Its checkpoint where torch.hub keeps what it fetched."""
    monkeypatch.setattr(torch.hub, 'get_dir', lambda: str(tmp_path))
    file = tmp_path / 'checkpoints' / metainfo.weights.rsplit('/', 1)[1]
    file.parent.mkdir()
    torch.save(dict(meta={}, state_dict=network.state_dict()), file)
    return file


def assert_answers_like(teacher, network):
    """On the same image, each with its own normalisation."""
    torch.manual_seed(0)
    images = torch.randint(256, (2, 3, 32, 32))
    mean, std = (torch.tensor(v)[:, None, None] for v in (SPEC.mean, SPEC.std))
    teacher.adapt(SPEC)
    expected = network(network.data_preprocessor(dict(inputs=images))['inputs'])
    answer = teacher((images - mean) / std)
    assert torch.allclose(answer, expected, atol=1e-5)
    assert expected.std() > 1e-3


def test_by_name(hub, network):
    assert_answers_like(Teacher(NAME), network)


def test_by_name_with_a_checkpoint(hub, network, tmp_path):
    path = hub.rename(tmp_path / 'mine.pth')  # nothing else is fetched
    teacher = Teacher(NAME, str(path))
    assert_answers_like(teacher, network)
    assert teacher.name == 'mine'


def test_by_file(hub, network, tmp_path):
    path = tmp_path / 'teacher.py'
    ModelHub.get(NAME).config.dump(path)
    assert_answers_like(Teacher(str(path), str(hub)), network)


def test_by_config(hub, network, metainfo):
    model = dict(metainfo.config.model)
    teacher = Teacher(
        model,
        str(hub),
        data_preprocessor=dict(
            mean=network.data_preprocessor.mean.flatten().tolist(),
            std=network.data_preprocessor.std.flatten().tolist()))
    assert_answers_like(teacher, network)


def test_in_a_training_of_another_scope(hub, network):
    with DefaultScope.overwrite_default_scope('mmdeit'):
        assert_answers_like(Teacher(NAME), network)


def test_a_file_of_another_scope(tmp_path):
    path = tmp_path / 'teacher.py'
    path.write_text("default_scope = 'mmdeit'\nmodel = dict(type='Teacher')\n")
    model, weights = find_model(str(path))
    assert model == dict(type='Teacher', _scope_='mmdeit') and weights is None


def test_the_data_preprocessor_of_the_model_comes_first(tmp_path):
    path = tmp_path / 'teacher.py'
    path.write_text('model = dict(data_preprocessor=dict(mean=[1.]))\n'
                    'data_preprocessor = dict(mean=[2.])\n')
    model, _ = find_model(str(path))
    assert model.data_preprocessor == dict(mean=[1.])


def test_unknown_name():
    with pytest.raises(ValueError, match='mmpretrain has no model') as error:
        Teacher('resnet18_cifar')
    assert '\n' not in str(error.value)


def test_a_name_without_weights():
    name = 'hivit-tiny-p16_16xb64_in1k'
    with pytest.raises(ValueError, match='no weights of .*: give a checkpoint'):
        find_model(name)
    assert find_model(name, 'mine.pth')[1] == 'mine.pth'


def test_every_address_names_its_hash():
    """fetch_checkpoint asks for it."""
    addresses = [
        ModelHub._models_dict[name].weights
        for name in mmpretrain.list_models()
    ]
    assert all(
        re.search(r'-[0-9a-f]{8,}\.', address)
        for address in addresses if address)
