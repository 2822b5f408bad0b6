import pytest
import timm
import torch

from mmdeit.registry import MODELS
from mmdeit.teachers import StudentSpec, Teacher

NAME = 'test_resnet.r160_in1k'
# As CIFAR's: RGB as loaded, with other mean and std than the teacher's.
SPEC = StudentSpec(4, (125.3, 123., 113.9), (63., 62.1, 66.7))


@pytest.fixture
def images():
    torch.manual_seed(0)
    return torch.randint(256, (2, 3, 64, 64)).float()


def seen_by(spec, images):
    mean, std = (torch.tensor(v)[:, None, None] for v in (spec.mean, spec.std))
    return (images - mean) / std


@pytest.mark.parametrize('to_rgb', [False, True])
def test_its_checkpoint_loads_and_answers_as_in_timm(images, tmp_path, to_rgb):
    torch.manual_seed(1)
    network = timm.create_model(NAME, num_classes=4).eval()
    torch.save(network.state_dict(), tmp_path / 'resnet.pth')
    teacher = Teacher(
        dict(
            type='mmdeit.TimmClassifier',
            model_name=NAME,
            pretrained=False,
            num_classes=4), str(tmp_path / 'resnet.pth'))
    spec = StudentSpec(4, SPEC.mean, SPEC.std, to_rgb)
    teacher.bind(spec)
    cfg = network.pretrained_cfg
    expected = network(
        seen_by(StudentSpec(4, cfg['mean'], cfg['std']), images / 255))
    answer = teacher(seen_by(spec, images))
    assert torch.allclose(answer, expected, atol=1e-5)
    assert expected.std() > 1e-3


def test_weights_and_names_in_timms_format(images, tmp_path):
    """Pretrained, from a folder instead of the hub."""
    from timm.models import save_for_hf
    torch.manual_seed(1)
    network = timm.create_model(
        NAME,
        num_classes=3,
        pretrained_cfg_overlay=dict(mean=(0.1, 0.2, 0.3), std=(0.5, ) * 3))
    names = dict(label_names=['a', 'b', 'c'])
    save_for_hf(network.eval(), tmp_path, names)
    teacher = Teacher(
        dict(
            type='mmdeit.TimmClassifier', model_name=f'local-dir:{tmp_path}'))
    teacher.bind(SPEC)
    expected = network(
        seen_by(StudentSpec(3, (0.1, 0.2, 0.3), (0.5, ) * 3), images / 255))
    answer = teacher(seen_by(SPEC, images))
    assert torch.allclose(answer, expected, atol=1e-5)
    assert list(teacher.class_names) == ['a', 'b', 'c']


def test_names_of_imagenets_classes():
    network = MODELS.build(
        dict(type='mmdeit.TimmClassifier', model_name=NAME, pretrained=False))
    assert len(network.class_names) == 1000
    assert network.class_names[0] == 'n01440764'  # a tench


def test_unknown_names_of_other_classes():
    network = MODELS.build(
        dict(
            type='mmdeit.TimmClassifier',
            model_name=NAME,
            pretrained=False,
            num_classes=4))
    assert network.class_names is None


@pytest.mark.parametrize('name', ['regnety_160', 'regnety_160.deit'])
def test_pretrained_weights_have_to_be_named(name):
    with pytest.raises(ValueError, match='names no weights of timm') as error:
        MODELS.build(dict(type='mmdeit.TimmClassifier', model_name=name))
    assert 'regnety_160.deit_in1k' in str(error.value)
    assert '\n' not in str(error.value)


def test_unknown_model():
    with pytest.raises(ValueError, match="choose from .*'regnety_160'"):
        MODELS.build(
            dict(type='mmdeit.TimmClassifier', model_name='regnety160.x'))


def test_no_random_head_on_pretrained_weights():
    with pytest.raises(ValueError, match='a random head'):
        MODELS.build(
            dict(
                type='mmdeit.TimmClassifier', model_name=NAME, num_classes=4))


def test_downloads_are_checked_by_hash(monkeypatch):
    checks = []
    monkeypatch.setattr('timm.models.set_pretrained_check_hash', checks.append)
    MODELS.build(
        dict(type='mmdeit.TimmClassifier', model_name=NAME, pretrained=False))
    assert checks == [True]
