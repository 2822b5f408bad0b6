import re
import time
from copy import deepcopy

import mmpretrain
import pytest
import torch
from mmengine.registry import MODELS, DefaultScope
from mmpretrain.apis import ModelHub
from torch import nn

from mmdeit.teachers import StudentSpec, Teacher
from mmdeit.teachers.execution import Execution
from mmdeit.teachers.teacher import find_model

from .toy import SPEC, STUDENT, ToyClassifier, fit_teacher, teacher_config

IMAGES = torch.zeros(3, 3, 16, 16)


@pytest.fixture
def checkpoint(tmp_path):
    fit_teacher(tmp_path / 'toy.pth')
    return tmp_path / 'toy.pth'


def test_is_frozen_and_in_eval(checkpoint):
    teacher = MODELS.build(teacher_config(checkpoint))
    assert not any(m.training for m in teacher.modules())
    assert len(list(teacher.parameters())) == 2
    assert not any(p.requires_grad for p in teacher.parameters())
    teacher.bind(SPEC)
    assert not any(m.training for m in teacher.modules())
    start = {k: v.clone() for k, v in teacher.state_dict().items()}
    assert not teacher(IMAGES).requires_grad
    for name, value in teacher.state_dict().items():
        assert torch.equal(value, start[name]), name


def test_loads_its_checkpoint(checkpoint):
    teacher = MODELS.build(teacher_config(checkpoint))
    weights = torch.load(checkpoint, weights_only=True)
    assert torch.equal(teacher.network.head.weight, weights['head.weight'])
    assert teacher.name == 'toy'


def test_settings_of_its_own_come_before_the_students():
    model = dict(type='ToyClassifier')
    teacher = Teacher(model)
    teacher.bind(SPEC)
    assert teacher.preprocess(IMAGES) is IMAGES  # nothing is known

    teacher = Teacher(model, data_preprocessor=dict(to_rgb=True))
    teacher.bind(SPEC)
    assert teacher.preprocess.arguments['to_rgb']
    assert list(teacher.preprocess.arguments['mean']) == STUDENT['mean']


def test_a_data_preprocessor_of_mmpretrains_configs():
    stated = dict(
        type='mmpretrain.ClsDataPreprocessor', num_classes=8, to_onehot=True,
        batch_augments=None, mean=[1., 2., 3.], std=[4., 5., 6.], to_rgb=True)
    teacher = Teacher(dict(type='ToyClassifier'), data_preprocessor=stated)
    teacher.bind(SPEC)
    arguments = teacher.preprocess.arguments
    assert (arguments['mean'], arguments['std'], arguments['to_rgb']) == (
        [1., 2., 3.], [4., 5., 6.], True)


def test_wrong_preprocessing_names_the_teacher():
    teacher = Teacher(
        dict(type='ToyClassifier'),
        name='mine',
        data_preprocessor=dict(mean=[0.] * 2))
    with pytest.raises(ValueError, match="teacher 'mine': mean=.* and std="):
        teacher.bind(SPEC)


def test_a_setting_of_images_that_there_is_not():
    teacher = Teacher(
        dict(type='ToyClassifier'), data_preprocessor=dict(bgr_to_rgb=True))
    with pytest.raises(TypeError, match='bgr_to_rgb'):
        teacher.bind(SPEC)


CLASSIFIER = dict(
    type='ImageClassifier', backbone=dict(type='LeNet5', num_classes=8))
PRETRAINED = dict(type='Pretrained', checkpoint='weights.pth')


@pytest.mark.parametrize('changes', [
    dict(pretrained='weights.pth'),
    dict(init_cfg=PRETRAINED),
    dict(head=dict(type='ClsHead',
                   init_cfg=[dict(type='Kaiming'), PRETRAINED])),
])
def test_weights_that_nobody_would_load(changes, tmp_path):
    with pytest.raises(ValueError, match='init_cfg or pretrained names weights'
                       ".pth: give .* as the teacher's checkpoint"):
        Teacher({**CLASSIFIER, **changes})
    # A checkpoint has all of them.
    network = MODELS.build(deepcopy(CLASSIFIER))
    torch.save(network.state_dict(), tmp_path / 'net.pth')
    Teacher({**CLASSIFIER, **changes}, str(tmp_path / 'net.pth'))


def test_answers_for_the_students_classes():
    teacher = Teacher(
        dict(type='ToyClassifier', num_classes=3),
        class_names=['x', 'y', 'z'],
        class_mapping='name')
    teacher.bind(StudentSpec(2, class_names=['z', 'x']))
    assert torch.equal(teacher(IMAGES), teacher.network(IMAGES)[:, [2, 0]])


def test_wrong_mapping_names_the_teacher():
    teacher = Teacher(
        dict(type='ToyClassifier'), class_mapping=[0], name='mine')
    with pytest.raises(ValueError, match="teacher 'mine': class_mapping has 1"):
        teacher.bind(SPEC)


@pytest.mark.parametrize('accuracy', [0.94, 0, -3, 101])
def test_expected_accuracy_is_in_percent(accuracy):
    with pytest.raises(ValueError, match='give it in percent, as 94.22'):
        Teacher(dict(type='ToyClassifier'), expected_accuracy=accuracy)


def test_from_a_config_file(checkpoint, tmp_path):
    path = tmp_path / 'teacher.py'
    path.write_text("model = dict(type='ToyClassifier')\n")
    teacher = Teacher(str(path), str(checkpoint))
    assert isinstance(teacher.network, ToyClassifier)


def test_from_a_config_file_with_a_data_preprocessor(tmp_path):
    path = tmp_path / 'teacher.py'
    path.write_text("""
model = dict(type='ImageClassifier',
             backbone=dict(type='LeNet5', num_classes=8))
data_preprocessor = dict(num_classes=8, mean=[1., 2., 3.], std=[4., 5., 6.],
                         to_rgb=True)
""")
    teacher = Teacher(str(path))
    teacher.bind(SPEC)
    arguments = teacher.preprocess.arguments
    assert (arguments['mean'], arguments['std'], arguments['to_rgb']) == (
        (1., 2., 3.), (4., 5., 6.), True)


@pytest.mark.parametrize('name, error, message', [
    ('nowhere.py', FileNotFoundError, 'nowhere.py'),
    ('resnet5', ValueError, 'Failed to find model "resnet5"'),
])
def test_a_model_that_there_is_not(name, error, message):
    with pytest.raises(error, match=message):
        Teacher(name)


@MODELS.register_module()
class Slow(nn.Module):
    """Slow where its images are in a certain layout."""

    def forward(self, images):
        time.sleep(0.02 * images.is_contiguous())
        return images.mean(dim=(2, 3))


def test_tunes_itself():
    teacher = Teacher(dict(type='Slow'), channels_last='auto')
    assert not teacher.execution.channels_last
    line = teacher.autotune(torch.rand(4, 3, 8, 8))
    assert teacher.execution.channels_last
    assert re.match("Slow: the student's dtype, channels last, not compiled "
                    r'\(measured .* ms; .* ms\)$', line)
    assert line.count(' ms') == 2 and '\n' not in line


def test_measures_what_the_network_will_see(monkeypatch):

    def measure(network, ways, images):
        assert images.shape == (3, 3, 8, 8)
        return {way: 2 - way.channels_last for way in ways}

    monkeypatch.setattr('mmdeit.teachers.teacher.measure', measure)
    teacher = Teacher(
        dict(type='ToyClassifier'), channels_last='auto', input_size=8)
    teacher.bind(SPEC)
    teacher.autotune(IMAGES)
    assert teacher.execution == Execution(channels_last=True)


def test_takes_what_the_first_process_measured(monkeypatch):
    """And forgets what was compiled to be measured."""
    resets = []

    def measure(network, ways, images):
        return dict.fromkeys(ways, 1.)

    def broadcast(choice):
        choice[0] = Execution('bfloat16')

    monkeypatch.setattr('mmdeit.teachers.teacher.measure', measure)
    monkeypatch.setattr(
        'mmdeit.teachers.teacher.broadcast_object_list', broadcast)
    monkeypatch.setattr(torch.compiler, 'reset', lambda: resets.append(1))
    for compile, expected in ((False, []), ('auto', [1])):
        teacher = Teacher(
            dict(type='ToyClassifier'), dtype='auto', compile=compile)
        teacher.autotune(IMAGES)
        assert teacher.execution == Execution('bfloat16')
        assert resets == expected


@pytest.mark.parametrize('compile, on_gpu', [
    (None, {False, True}), (False, {False}), (True, {True})])
def test_a_gpu_measures_whether_to_compile(compile, on_gpu, monkeypatch):
    """And a CPU, where compiling takes long, does not."""

    class OnGPU(torch.Tensor):
        is_cuda = True

    measured = []

    def measure(network, ways, images):
        measured.extend(ways)
        return {way: 2. - way.compile for way in ways}

    monkeypatch.setattr('mmdeit.teachers.teacher.measure', measure)
    for images, expected in ((IMAGES, {bool(compile)}),
                             (IMAGES.as_subclass(OnGPU), on_gpu)):
        teacher = Teacher(dict(type='ToyClassifier'), compile=compile)
        teacher.autotune(images)
        assert {way.compile for way in measured or [teacher.execution]
                } == expected
        assert teacher.execution.compile == max(expected)


def test_takes_the_first_where_runs_are_to_be_the_same(monkeypatch):
    monkeypatch.setattr(
        torch, 'are_deterministic_algorithms_enabled', lambda: True)
    teacher = Teacher(dict(type='ToyClassifier'), channels_last='auto')
    monkeypatch.setattr(teacher, 'execute', None)
    line = teacher.autotune(IMAGES)
    assert line.endswith('channels first, not compiled')


def test_nothing_to_tune(monkeypatch):
    """And no pass for a number that nobody asked for."""
    teacher = Teacher(dict(type='ToyClassifier'), dtype='bfloat16')
    monkeypatch.setattr(teacher, 'execute', None)
    assert teacher.autotune(
        IMAGES) == 'ToyClassifier: bfloat16, channels first, not compiled'
    assert teacher.members == [teacher]


NAME = 'resnet18_8xb16_cifar10'
CIFAR = StudentSpec(10, (10., 20., 30.), (40., 50., 60.))


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
    monkeypatch.setattr(  # it has another hash
        'mmdeit.checkpoints.loading.fetch_checkpoint',
        lambda url: file.parent / url.rsplit('/', 1)[1])
    return file


def assert_answers_like(teacher, network):
    """On the same image, each with its own normalisation."""
    torch.manual_seed(0)
    images = torch.randint(256, (2, 3, 32, 32))
    mean, std = (
        torch.tensor(v)[:, None, None] for v in (CIFAR.mean, CIFAR.std))
    teacher.bind(CIFAR)
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


def test_a_name_without_weights():
    name = 'hivit-tiny-p16_16xb64_in1k'
    with pytest.raises(ValueError, match='has no weights: give a checkpoint'):
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
