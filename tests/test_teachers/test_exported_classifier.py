import os
from zipfile import ZipFile

import pytest
import torch
from torch import nn

from mmdeit.registry import MODELS
from mmdeit.teachers import StudentSpec, Teacher

SPEC = StudentSpec(5, (125.3, 123., 113.9), (63., 62.1, 66.7), to_rgb=True)
VARIABLE = 'TORCH_FORCE_WEIGHTS_ONLY_LOAD'


@pytest.fixture(autouse=True)
def environment(monkeypatch):
    """As without the tools, and restored afterwards."""
    monkeypatch.setenv(VARIABLE, '')
    os.environ.pop(VARIABLE)


@pytest.fixture
def network():
    torch.manual_seed(1)
    network = nn.Sequential(
        nn.Conv2d(3, 4, 3, padding=1), nn.BatchNorm2d(4), nn.ReLU(),
        nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Dropout(0.5),
        nn.Linear(4, 5))
    network(torch.rand(8, 3, 16, 16))  # its running mean is not 0
    return network.eval()


@pytest.fixture
def images():
    """Bytes as the student's data preprocessor leaves them, and in [0, 1]."""
    torch.manual_seed(0)
    images = torch.randint(256, (2, 3, 16, 16)).float()
    mean, std = (torch.tensor(v)[:, None, None] for v in (SPEC.mean, SPEC.std))
    return (images - mean) / std, images / 255


def export(network, kind, path):
    images = torch.rand(2, 3, 16, 16)
    if kind == 'script':
        torch.jit.script(network).save(path)
    elif kind == 'trace':
        torch.jit.trace(network, images).save(path)
    elif kind == 'frozen':
        torch.jit.freeze(torch.jit.script(network)).save(path)
    elif kind == 'awake':
        torch.jit.script(network.train()).save(path)
        network.eval()
    else:
        torch.export.save(torch.export.export(network, (images, )), path)
    return path


@pytest.mark.parametrize('kind',
                         ['script', 'trace', 'frozen', 'awake', 'export'])
def test_answers_as_the_network_it_was(kind, network, images, tmp_path):
    file = export(network, kind, str(tmp_path / 'teacher.pt2'))
    teacher = Teacher(
        dict(type='mmdeit.ExportedClassifier', file=file),
        data_preprocessor=dict(mean=[0.] * 3, std=[255.] * 3))
    teacher.bind(SPEC)
    teacher.train().eval()
    teacher.to('cpu')
    with torch.no_grad():
        expected = network(images[1])
        for _ in range(3):  # TorchScript optimises itself in the second
            assert torch.allclose(teacher(images[0]), expected, atol=1e-5)
    assert expected.std() > 1e-3
    assert not any(p.requires_grad for p in teacher.parameters())


def test_stays_in_eval_mode(network, tmp_path):
    file = export(network, 'awake', str(tmp_path / 'teacher.pt'))
    teacher = MODELS.build(dict(type='mmdeit.ExportedClassifier', file=file))
    assert not any(m.training for m in teacher.train().modules())


def test_takes_the_students_normalisation(network, images, tmp_path):
    file = export(network, 'script', str(tmp_path / 'teacher.pt'))
    teacher = Teacher(dict(type='mmdeit.ExportedClassifier', file=file))
    teacher.bind(SPEC)
    assert teacher.preprocess(images[0]) is images[0]


@pytest.mark.parametrize('kind', ['missing', 'checkpoint', 'no archive',
                                  'pickle'])
def test_is_something_else(kind, network, tmp_path):
    file = tmp_path / 'net.pt'
    if kind == 'checkpoint':
        torch.save(network.state_dict(), file)
    elif kind == 'no archive':
        file.write_bytes(b'onnx')
    elif kind == 'pickle':
        torch.save(Malicious(str(tmp_path / 'was executed')), file)
    with pytest.raises(ValueError, match='net.pt is no file of torch.jit.save'):
        MODELS.build(dict(type='mmdeit.ExportedClassifier', file=str(file)))
    assert not (tmp_path / 'was executed').exists()


class Malicious:

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return open, (self.path, 'w')


@pytest.mark.parametrize('kind', ['script', 'export'])
def test_unpickles_no_code(kind, network, tmp_path):
    """A program whose pickles were replaced; torch.export falls for it."""
    file = export(network, kind, str(tmp_path / 'teacher.pt2'))
    torch.save(Malicious(str(tmp_path / 'was executed')), tmp_path / 'bad.pt')
    bad = tmp_path / 'bad.pt2'
    with ZipFile(file) as good, ZipFile(bad, 'w') as archive:
        for name in good.namelist():
            data = good.read(name)
            if name.endswith(
                ('sample_inputs/model.pt', 'serialized_state_dict.json')):
                data = (tmp_path / 'bad.pt').read_bytes()
            elif name.endswith('data.pkl'):
                with ZipFile(tmp_path / 'bad.pt') as pickles:
                    data = pickles.read('bad/data.pkl')
            archive.writestr(name, data)
    with pytest.raises(ValueError, match='that torch .* can load') as error:
        MODELS.build(
            dict(type='mmdeit.ExportedClassifier', file=str(bad)))
    assert '\n' not in str(error.value)
    assert not (tmp_path / 'was executed').exists()
