import pytest
import timm
import torch
from mmengine.registry import MODELS

from mmdeit.models import RegNetY
from mmdeit.models.regnety import convert_timm_regnety


def make_classifier(arch, in_channels):
    return MODELS.build(
        dict(
            type='ImageClassifier',
            backbone=dict(type='mmdeit.RegNetY', arch=arch),
            neck=dict(type='GlobalAveragePooling'),
            head=dict(
                type='LinearClsHead', num_classes=10,
                in_channels=in_channels))).eval()


def make_timm(name):
    """A model of timm whose batch norms do something."""
    torch.manual_seed(0)
    model = timm.create_model(name, num_classes=10).eval()
    for module in model.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            module.weight.data.uniform_(0.5, 1.)
            module.bias.data.normal_(std=.1)
            module.running_mean.normal_(std=.1)
            module.running_var.uniform_(0.5, 2.)
    return model


@pytest.mark.parametrize('arch, name, in_channels', [
    ('regnety_4.0gf', 'regnety_040', 1088),
    ('regnety_8.0gf', 'regnety_080', 2016),
    ('regnety_12gf', 'regnety_120', 2240),
    ('regnety_16gf', 'regnety_160', 3024),
])
def test_loads_and_equals_timm(arch, name, in_channels):
    reference = make_timm(name)
    model = make_classifier(arch, in_channels)
    # timm's names go straight in, strictly
    model.load_state_dict(reference.state_dict(), strict=True)
    images = torch.randn(2, 3, 64, 64)
    with torch.no_grad():
        logits, expected = model(images, mode='tensor'), reference(images)
    torch.testing.assert_close(logits, expected, rtol=1e-5, atol=1e-5)
    assert expected.std() > 1e-3


def test_parameters_of_the_teacher():
    """recipe: RegNetY-16GF has 83.6 M parameters with 1000 classes."""
    backbone = RegNetY('regnety_16gf')
    params = sum(p.numel() for p in backbone.parameters())
    assert params + 3024 * 1000 + 1000 == 83_590_140


@pytest.mark.parametrize('theirs, ours', [
    ('stem.conv.weight', 'backbone.conv1.weight'),
    ('stem.bn.running_var', 'backbone.bn1.running_var'),
    ('s1.b1.conv1.conv.weight', 'backbone.layer1.0.conv1.weight'),
    ('s3.b11.conv3.bn.bias', 'backbone.layer3.10.bn3.bias'),
    ('s2.b4.se.fc2.bias', 'backbone.layer2.3.se.conv2.conv.bias'),
    ('s4.b1.downsample.conv.weight', 'backbone.layer4.0.downsample.0.weight'),
    ('s4.b1.downsample.bn.weight', 'backbone.layer4.0.downsample.1.weight'),
    ('head.fc.weight', 'head.fc.weight'),
    ('backbone.layer1.0.conv1.weight', 'backbone.layer1.0.conv1.weight'),
])
def test_key_conversion(theirs, ours):
    assert convert_timm_regnety({theirs: 1}) == {ours: 1}
