import json

import pytest
import torch
import transformers

from mmdeit.registry import MODELS
from mmdeit.teachers import StudentSpec, Teacher

SPEC = StudentSpec(3, (125.3, 123., 113.9), (63., 62.1, 66.7), to_rgb=True)
NAMES = ('cat', 'dog', 'eel')
PROCESSOR = dict(image_mean=[0.1, 0.2, 0.3], image_std=[0.5, 0.4, 0.3])


def config(**changes) -> dict:
    return {
        'type': 'mmdeit.HuggingFaceClassifier',
        'pretrained': True,
        **changes
    }


@pytest.fixture
def network():
    torch.manual_seed(1)
    return transformers.ResNetForImageClassification(
        transformers.ResNetConfig(
            embedding_size=4,
            hidden_sizes=[8, 16],
            depths=[1, 1],
            id2label=dict(enumerate(NAMES)))).eval()


@pytest.fixture
def folder(network, tmp_path):
    """The network, as save_pretrained writes it, with an image processor."""
    network.save_pretrained(tmp_path)
    (tmp_path / 'preprocessor_config.json').write_text(json.dumps(PROCESSOR))
    return tmp_path


@pytest.fixture
def images():
    """Bytes as the student's data preprocessor leaves them, and in [0, 1]."""
    torch.manual_seed(0)
    images = torch.randint(256, (2, 3, 32, 32)).float()
    mean, std = (torch.tensor(v)[:, None, None] for v in (SPEC.mean, SPEC.std))
    return (images - mean) / std, images / 255


def test_answers_as_in_transformers(network, folder, images):
    teacher = Teacher(config(model_name=str(folder)))
    teacher.bind(SPEC)
    mean, std = (
        torch.tensor(v)[:, None, None] for v in PROCESSOR.values())
    expected = network((images[1] - mean) / std).logits
    assert torch.allclose(teacher(images[0]), expected, atol=1e-5)
    assert expected.std() > 1e-3
    assert teacher.class_names == list(NAMES)
    assert teacher.network.unloaded == []
    assert not any(module.training for module in teacher.modules())


def test_its_checkpoint_loads(network, folder, images, tmp_path):
    with torch.no_grad():
        network.classifier[1].bias += 1
    torch.save(network.state_dict(), tmp_path / 'net.pth')
    teacher = Teacher(
        config(model_name=str(folder), pretrained=False),
        str(tmp_path / 'net.pth'),
        data_preprocessor=dict(mean=[0.] * 3, std=[255.] * 3))
    teacher.bind(SPEC)
    expected = network(images[1]).logits
    assert torch.allclose(teacher(images[0]), expected, atol=1e-5)


def test_half_precision_becomes_float32(network, tmp_path):
    network.half().save_pretrained(tmp_path)
    teacher = MODELS.build(config(model_name=str(tmp_path)))
    assert {p.dtype for p in teacher.parameters()} == {torch.float32}


def test_without_an_image_processor_it_takes_the_students(network, tmp_path):
    network.save_pretrained(tmp_path)
    teacher = Teacher(config(model_name=str(tmp_path)))
    teacher.bind(SPEC)
    images = torch.rand(1, 3, 8, 8)
    assert teacher.preprocess(images) is images


def test_images_that_are_only_rescaled(folder, images):
    (folder / 'preprocessor_config.json').write_text(
        json.dumps(dict(do_normalize=False, **PROCESSOR)))
    teacher = Teacher(config(model_name=str(folder)))
    teacher.bind(SPEC)
    assert torch.allclose(
        teacher.preprocess(images[0]), images[1], atol=1e-6)


def test_says_what_was_not_loaded(network, tmp_path):
    network.resnet.save_pretrained(tmp_path)  # without its head
    teacher = MODELS.build(config(model_name=str(tmp_path)))
    assert teacher.unloaded == ['classifier.1.bias', 'classifier.1.weight']


def test_runs_no_code_of_a_repository(folder):
    (folder / 'config.json').write_text(
        json.dumps(
            dict(
                model_type='its own',
                auto_map=dict(
                    AutoConfig='own.Config',
                    AutoModelForImageClassification='own.Model'))))
    (folder / 'own.py').write_text(
        f"open({str(folder / 'was executed')!r}, 'w')\n")
    with pytest.raises(ValueError, match='needs no code of its own') as error:
        MODELS.build(config(model_name=str(folder)))
    assert '\n' not in str(error.value)
    assert not (folder / 'was executed').exists()


class Malicious:

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return open, (self.path, 'w')


def test_unpickles_no_code(folder):
    (folder / 'model.safetensors').unlink()
    torch.save(
        dict(x=Malicious(str(folder / 'was executed'))),
        folder / 'pytorch_model.bin')
    with pytest.raises(ValueError, match='cannot load') as error:
        MODELS.build(config(model_name=str(folder)))
    assert '\n' not in str(error.value)
    assert not (folder / 'was executed').exists()


def test_is_not_there(tmp_path):
    with pytest.raises(ValueError, match='cannot load') as error:
        MODELS.build(config(model_name=str(tmp_path / 'nowhere')))
    assert '\n' not in str(error.value)


def test_a_torch_that_it_does_not_know(monkeypatch, tmp_path):
    monkeypatch.setattr('transformers.is_torch_available', lambda: False)
    with pytest.raises(ImportError, match="pip install 'transformers<4.50'"):
        MODELS.build(config(model_name=str(tmp_path)))
