import cifar10_teacher
import pytest
import torch
from mmengine.runner import load_checkpoint
from mmpretrain.models import (
    GlobalAveragePooling,
    ImageClassifier,
    LinearClsHead,
    ResNet_CIFAR,
)


@pytest.mark.parametrize('name, expected', [
    ('conv1.weight', 'backbone.conv1.weight'),
    ('layer1.0.bn2.running_var', 'backbone.layer1.0.bn2.running_var'),
    ('layer2.0.shortcut.0.weight', 'backbone.layer2.0.downsample.0.weight'),
    ('linear.bias', 'head.fc.bias'),
])
def test_rename(name, expected):
    assert cifar10_teacher.rename(name) == expected


def test_checkpoint_loads_strictly(tmp_path):
    model = ImageClassifier(
        backbone=ResNet_CIFAR(
            depth=18, num_stages=4, out_indices=(3, ), style='pytorch'),
        neck=GlobalAveragePooling(),
        head=LinearClsHead(num_classes=10, in_channels=512))
    expected = {
        name: torch.rand(value.shape).to(value.dtype)
        for name, value in model.state_dict().items()
    }
    original = {
        name.replace('head.fc.', 'linear.').replace(
            'downsample.', 'shortcut.').removeprefix('backbone.'): value
        for name, value in expected.items()
    }
    path = tmp_path / 'new' / 'teacher.pth'
    cifar10_teacher.convert(original, path)
    assert [p.name for p in path.parent.iterdir()] == ['teacher.pth']

    load_checkpoint(model, str(path), map_location='cpu', strict=True)
    for name, value in model.state_dict().items():
        assert torch.equal(value, expected[name]), name
