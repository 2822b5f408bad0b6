import pytest
import torch
from torchvision import models

from mmdeit.registry import MODELS
from mmdeit.teachers import StudentSpec, Teacher

SPEC = StudentSpec(4, (125.3, 123., 113.9), (63., 62.1, 66.7), to_rgb=True)
NAME = 'squeezenet1_1'


@pytest.fixture
def images():
    """Bytes as the student's data preprocessor leaves them, and in [0, 1]."""
    torch.manual_seed(0)
    images = torch.randint(256, (2, 3, 64, 64)).float()
    mean, std = (torch.tensor(v)[:, None, None] for v in (SPEC.mean, SPEC.std))
    return (images - mean) / std, images / 255


@pytest.fixture
def hub(tmp_path, monkeypatch):
    """Random weights where torch.hub keeps what it fetched."""
    monkeypatch.setattr(torch.hub, 'get_dir', lambda: str(tmp_path))
    torch.manual_seed(1)
    network = models.get_model(NAME, weights=None).eval()
    file = tmp_path / 'checkpoints' / 'squeezenet1_1-b8a52dc0.pth'
    file.parent.mkdir()
    torch.save(network.state_dict(), file)
    monkeypatch.setattr(  # they have another hash
        'mmdeit.checkpoints.loading.fetch_checkpoint', lambda url: file)
    return network


def test_its_weights_answer_as_in_torchvision(hub, images):
    teacher = Teacher(
        dict(type='mmdeit.TorchvisionClassifier', model_name=NAME))
    teacher.bind(SPEC)
    preset = models.get_model_weights(NAME).IMAGENET1K_V1.transforms()
    mean, std = (
        torch.tensor(v)[:, None, None] for v in (preset.mean, preset.std))
    expected = hub((images[1] - mean) / std)
    assert torch.allclose(teacher(images[0]), expected, atol=1e-5)
    assert expected.std() > 1e-3
    assert len(teacher.class_names) == 1000
    assert teacher.class_names[0] == 'tench'


def test_a_checkpoint_of_other_classes(images, tmp_path):
    network = models.get_model(NAME, weights=None, num_classes=4).eval()
    torch.save(network.state_dict(), tmp_path / 'net.pth')
    teacher = Teacher(
        dict(
            type='mmdeit.TorchvisionClassifier',
            model_name=NAME,
            weights=None,
            num_classes=4),
        str(tmp_path / 'net.pth'),
        data_preprocessor=dict(mean=[0.] * 3, std=[255.] * 3))
    teacher.bind(SPEC)
    assert torch.allclose(teacher(images[0]), network(images[1]), atol=1e-5)
    assert teacher.class_names is None


def test_weights_of_another_network(tmp_path):
    network = models.get_model(NAME, weights=None, num_classes=5)
    torch.save(network.state_dict(), tmp_path / 'net.pth')
    with pytest.raises(ValueError, match='does not hold the weights'):
        Teacher(
            dict(
                type='mmdeit.TorchvisionClassifier',
                model_name=NAME,
                weights=None,
                num_classes=4), str(tmp_path / 'net.pth'))


def test_weights_that_cannot_be_fetched(tmp_path, monkeypatch):

    def refuse(url, path, digits):
        assert digits == 'b8a52dc0'
        raise RuntimeError('invalid hash value')

    monkeypatch.setattr(torch.hub, 'get_dir', lambda: str(tmp_path))
    monkeypatch.setattr(torch.hub, 'download_url_to_file', refuse)
    with pytest.raises(FileNotFoundError, match='invalid hash value'):
        MODELS.build(
            dict(type='mmdeit.TorchvisionClassifier', model_name=NAME))


@pytest.mark.parametrize('changes, message', [
    (dict(model_name='resnet51'), 'Unknown model resnet51'),
    (dict(model_name='fasterrcnn_resnet50_fpn'), 'for 1000 classes'),
    (dict(weights='V1'), r"weights 'V1' .*choose from \['IMAGENET1K_V1'\]"),
    (dict(model_name='vgg16', weights='IMAGENET1K_FEATURES'),
     r"choose from \['IMAGENET1K_V1'\]"),
    (dict(num_classes=4), 'for 4 classes: .* or set weights=None'),
])
def test_names_the_choices(changes, message):
    cfg = dict(type='mmdeit.TorchvisionClassifier', model_name=NAME)
    with pytest.raises(ValueError, match=message) as error:
        MODELS.build({**cfg, **changes})
    assert '\n' not in str(error.value)
