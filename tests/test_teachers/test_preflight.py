"""What is tried before the first iteration of a training."""
import pytest
import torch
from mmengine.hooks import Hook
from mmengine.optim import OptimWrapper
from mmengine.registry import HOOKS, MODELS

from mmdeit.teachers import Teacher, preflight
from mmdeit.teachers.evaluation import ask, evaluate
from mmdeit.teachers.preflight import check_student, read_batches

from .toy import (
    CLASSES,
    IMAGENET,
    SPEC,
    STUDENT,
    ToyClassifier,
    ToyImages,
    fit_teacher,
    make_config,
    teacher_config,
)

WRONG = {**IMAGENET, 'to_rgb': False}


@HOOKS.register_module()
class LossesHook(Hook):
    """Keeps the losses."""

    def before_train(self, runner):
        self.losses = []

    def after_train_iter(self, runner, batch_idx, data_batch=None,
                         outputs=None):
        self.losses.append({k: v.item() for k, v in outputs.items()})


def train(cfg, build_runner):
    runner = build_runner(cfg)
    hook = LossesHook()
    runner.register_hook(hook)
    runner.train()
    return runner, hook.losses


def test_a_good_teacher_passes(tmp_path, build_runner, capfd):
    runner, losses = train(
        make_config(tmp_path, expected_accuracy=91.4), build_runner)
    output = capfd.readouterr()
    output = output.out + output.err
    assert "Teacher toy: the student's dtype, channels first" in output
    assert 'images per second' not in output  # check_teacher.py says it
    assert 'Teacher on 128 held-out images' in output
    assert '89.84 │    91.40 │  12.50' in output
    assert runner.iter == len(losses) == 2


def test_a_wrong_teacher_stops_it(tmp_path, build_runner):
    runner = build_runner(
        make_config(tmp_path, expected_accuracy=91.4))
    hook = runner.hooks[[type(h).__name__ for h in runner.hooks].index(
        'TeacherHook')]
    hook.teacher_cfg['data_preprocessor'] = WRONG
    with pytest.raises(ValueError, match="teacher 'toy' has 46.09 top-1 on 128 "
                       'held-out images, expected are 91.40: channel order'):
        runner.train()
    assert runner.iter == 0


def test_zero_images_trust_it(tmp_path, build_runner, capfd):
    cfg = make_config(tmp_path, expected_accuracy=91.4)
    cfg.custom_hooks[0].preflight = 0
    cfg.custom_hooks[0].teacher.data_preprocessor = WRONG
    runner, _ = train(cfg, build_runner)
    assert runner.iter == 2
    assert 'held-out' not in capfd.readouterr().out


def test_without_validation_it_warns_and_goes_on(tmp_path, build_runner,
                                                 capfd):
    cfg = make_config(tmp_path)
    cfg.val_dataloader = cfg.val_evaluator = cfg.val_cfg = None
    runner, _ = train(cfg, build_runner)
    output = capfd.readouterr()
    assert ('The teacher is not evaluated before training: there is no '
            'validation dataset.') in output.out + output.err
    assert runner.iter == 2


@pytest.mark.parametrize('changes', [{}, dict(channels_last='auto')])
def test_leaves_the_random_numbers_alone(tmp_path, build_runner, changes):
    losses = []
    for num_images in (0, 128):
        cfg = make_config(tmp_path)
        cfg.custom_hooks[0].preflight = num_images
        cfg.custom_hooks[0].teacher.update(changes)
        losses.append(train(cfg, build_runner)[1])
    assert losses[0] == losses[1]
    assert losses[0][0] != losses[0][1]


def test_even_where_a_dataset_draws_some(tmp_path, build_runner, monkeypatch):
    """As random crops do."""
    take = ToyImages.__getitem__

    def draw(self, index):
        torch.rand(7)
        return take(self, index)

    monkeypatch.setattr(ToyImages, '__getitem__', draw)
    test_leaves_the_random_numbers_alone(tmp_path, build_runner, {})


def test_runs_in_the_precision_of_the_student(tmp_path, build_runner,
                                              monkeypatch):
    """Examined as it will be asked."""
    cfg = make_config(tmp_path)
    seen = []
    forward = ToyClassifier.forward

    def look(self, images):
        seen.append(torch.is_autocast_cpu_enabled())
        return forward(self, images)

    monkeypatch.setattr(ToyClassifier, 'forward', look)
    monkeypatch.setattr(
        OptimWrapper, 'optim_context',
        lambda self, model: torch.autocast('cpu', torch.bfloat16))
    train(cfg, build_runner)
    assert len(seen) > 4 and all(seen)


def test_the_other_processes_hear_the_verdict(tmp_path, build_runner,
                                              monkeypatch):
    """And examine nothing themselves."""

    def hear(verdict):
        verdict[0] = 'teacher refused'

    monkeypatch.setattr(preflight, 'is_main_process', lambda: False)
    monkeypatch.setattr(preflight, 'broadcast_object_list', hear)
    monkeypatch.setattr(preflight, 'evaluate', None)
    runner = build_runner(make_config(tmp_path))
    with pytest.raises(ValueError, match='^teacher refused$'):
        runner.train()


def test_the_others_hear_of_images_that_cannot_be_read(
        tmp_path, build_runner, monkeypatch):
    verdicts = []
    take = ToyImages.__getitem__

    def fail(self, index):
        if self.start == 1000:  # those for validation
            raise OSError('a damaged image')
        return take(self, index)

    monkeypatch.setattr(ToyImages, '__getitem__', fail)
    monkeypatch.setattr(preflight, 'broadcast_object_list', verdicts.append)
    with pytest.raises(OSError, match='a damaged image'):
        build_runner(make_config(tmp_path)).train()
    assert verdicts == [['a damaged image']]


def test_classes_by_the_names_of_the_dataset(tmp_path, build_runner, capfd):
    names = list(CLASSES)
    train(make_config(tmp_path, class_mapping='name', class_names=names),
          build_runner)
    assert '89.84' in capfd.readouterr().out
    names[0] = 'background'
    runner = build_runner(
        make_config(tmp_path, class_mapping='name', class_names=names))
    with pytest.raises(ValueError, match="'red narrow' names 0 of the teacher"):
        runner.train()


def name_teachers_classes(path, names):
    torch.save(dict(state_dict=torch.load(path, weights_only=True),
                    meta=dict(dataset_meta=dict(classes=names))), path)


SWAPPED = ['red wide', 'red narrow', *CLASSES[2:]]


@pytest.mark.parametrize('names, message', [
    (SWAPPED, "teacher 'toy' has another order: class 0 is 'red wide' instead "
     "of 'red narrow', as its checkpoint says, compared with the training "
     "data: set class_mapping='name'"),
    (sorted(c.title() if c[0] == 'r' else c for c in CLASSES),
     "teacher 'toy' lacks 'red narrow', 'red wide' (nearest is 'Red Narrow') "
     "and has 'Red Narrow', 'Red Wide' (nearest is 'red narrow') besides, as "
     'its checkpoint says, compared with the training data: train it on the '
     'same folders, or set class_mapping to its class for each of the data'),
])
@pytest.mark.parametrize('images', [0, 128])
def test_a_teacher_of_other_classes(tmp_path, build_runner, names, message,
                                    images):
    cfg = make_config(tmp_path)
    cfg.custom_hooks[0].preflight = images
    name_teachers_classes(tmp_path / 'toy.pth', names)
    with pytest.raises(ValueError) as error:
        build_runner(cfg).train()
    assert str(error.value) == message


def test_the_names_in_a_checkpoint_can_be_mapped(tmp_path, build_runner):
    """An order that is said is no error."""
    cfg = make_config(tmp_path, class_mapping='name')
    name_teachers_classes(tmp_path / 'toy.pth', SWAPPED)
    cfg.custom_hooks[0].preflight = 0
    hook = build_runner(cfg)
    hook.train()
    teacher = MODELS.build(cfg.custom_hooks[0].teacher)
    teacher.bind(SPEC)
    assert teacher.indices.tolist() == [1, 0, 2, 3, 4, 5, 6, 7]


@pytest.mark.parametrize('names', [
    [f'n{i}' for i in range(8)], [*CLASSES[:7], 'gray wide']])
def test_classes_may_be_called_otherwise(tmp_path, build_runner, capfd, names):
    cfg = make_config(tmp_path)
    name_teachers_classes(tmp_path / 'toy.pth', names)
    build_runner(cfg).train()
    output = ''.join(capfd.readouterr())
    assert output.count('the classes are taken to be the same, in this') == 1


def test_data_of_two_minds_is_not_the_teachers_fault(tmp_path, build_runner,
                                                     monkeypatch):
    """No class_mapping is advised where the labels of val are shifted."""
    runner = build_runner(make_config(tmp_path))
    runner.val_loop.dataloader.dataset.metainfo = dict(classes=CLASSES[1:])
    with pytest.raises(ValueError) as error:
        runner.train()
    assert str(error.value) == (
        "val_dataloader lacks 'red narrow', compared with train_dataloader: "
        'correct the classes in its list or its metainfo=dict(classes=[...])')


def test_speed_is_measured_on_a_batch(tmp_path, build_runner, monkeypatch):
    shapes = []
    monkeypatch.setattr(
        Teacher, 'autotune',
        lambda self, inputs: shapes.append(tuple(inputs.shape)) or 'tuned')
    cfg = make_config(tmp_path)
    cfg.train_dataloader.batch_size = 32
    train(cfg, build_runner)
    assert shapes == [(16, 3, 16, 16)]


@pytest.mark.parametrize('changes, message', [
    (dict(class_mapping=[0]), 'class_mapping has 1 entries for 8 classes'),
    (dict(class_mapping=[*range(7), 9]), 'class_mapping asks for class 9'),
    (dict(model=dict(type='ToyClassifier', num_classes=5), checkpoint=None),
     'has 5 classes, the student 8'),
])
def test_stops_before_the_first_iteration(changes, message, tmp_path,
                                          build_runner):
    cfg = make_config(tmp_path)
    cfg.custom_hooks[0].teacher.update(changes, name='odd')
    runner = build_runner(cfg)
    with pytest.raises(ValueError, match=f"teacher 'odd'.*{message}"):
        runner.train()
    assert runner.iter == 0


@pytest.mark.parametrize('changes, message', [
    (dict(in_channels=1),
     'the student fails on images of 3 channels and 16x16 pixels: set '
     r'model.backbone.in_channels=3, or load images of 1 channels and .* \('),
    # Two images could be taken apart as if they were the two tokens.
    *((dict(out_type=out_type), 'DeiTClsHead needs a class and a distillation '
       'token: set model.backbone') for out_type in ('avg_featmap', 'raw')),
])
def test_a_student_that_does_not_fit(tmp_path, build_runner, changes, message):
    cfg = make_config(tmp_path)
    cfg.model.backbone.update(changes)
    runner = build_runner(cfg)
    with pytest.raises(ValueError, match=message) as error:
        runner.train()
    assert runner.iter == 0 and '\n' not in str(error.value)


@pytest.mark.parametrize('head', [
    dict(type='LinearClsHead', in_channels=32),
    dict(type='ArcFaceClsHead', in_channels=32),
    dict(type='LeViTClsHead', in_channels=32),
    None,
])
def test_a_student_of_mmpretrain(head):
    """Also one whose head cannot be trained by mmpretrain."""
    model = MODELS.build(
        dict(
            type='mmpretrain.ImageClassifier',
            backbone=dict(
                type='ResNet_CIFAR',
                depth=18,
                stem_channels=4,
                base_channels=4,
                norm_eval=True,
                frozen_stages=1),
            neck=dict(type='GlobalAveragePooling'),
            head=head and dict(head, num_classes=8)))
    model.train().backbone.layer4.eval()
    modes = [part.training for part in model.modules()]
    check_student(model, torch.zeros(2, 3, 16, 16))
    assert modes == [part.training for part in model.modules()]


def test_a_student_for_images_of_another_size():
    model = MODELS.build(
        dict(
            type='mmpretrain.ImageClassifier',
            backbone=dict(type='LeNet5', num_classes=8)))
    check_student(model, torch.zeros(2, 1, 32, 32))
    with pytest.raises(ValueError, match='16x16 pixels: set model.backbone.im'):
        check_student(model, torch.zeros(2, 1, 16, 16))


def test_other_models_are_not_tried():
    check_student(ToyClassifier(), None)


@pytest.fixture
def preprocessor():
    return MODELS.build(dict(type='mmpretrain.ClsDataPreprocessor', **STUDENT))


def test_images_from_all_over_the_dataset(preprocessor):
    dataset = ToyImages(0, 100)
    inputs, labels = next(read_batches(dataset, preprocessor, 10))
    taken = [dataset[i] for i in range(0, 100, 10)]
    expected = sorted(
        int(sample['data_samples'].gt_label) for sample in taken)
    assert sorted(labels.tolist()) == expected
    mean, std = (torch.tensor(STUDENT[k])[:, None, None]
                 for k in ('mean', 'std'))
    assert sorted(inputs.sum(dim=(1, 2, 3)).tolist()) == pytest.approx(
        sorted(((sample['inputs'].float() - mean) / std).sum().item()
               for sample in taken))


def test_all_images_where_there_are_fewer(preprocessor):
    sizes = [len(x) for x, _ in read_batches(
        ToyImages(0, 70), preprocessor, 512)]
    assert sizes == [64, 6]


def test_the_first_images_stand_for_all(preprocessor):
    """The order is mixed, and always the same."""
    first, again = (next(read_batches(ToyImages(0, 512), preprocessor, 512))
                    for _ in range(2))
    assert torch.equal(first[0], again[0])
    assert first[1].tolist() != [i % 8 for i in range(64)]
    assert first[1].unique().tolist() == list(range(8))


def test_passes_at_any_number_of_images(tmp_path, preprocessor):
    fit_teacher(tmp_path / 'toy.pth')
    teacher = MODELS.build(
        teacher_config(tmp_path / 'toy.pth', expected_accuracy=91.))
    teacher.bind(SPEC)
    for count in (8, 16, 65):
        images = read_batches(ToyImages(1000), preprocessor, count)
        assert f'on {count} held-out' in evaluate(teacher, images, 8)


def test_one_class(cfg, build_runner):
    cfg.model.head.update(num_classes=1, in_channels=8)
    runner = build_runner(cfg)
    with pytest.raises(ValueError, match='num_classes is 1: a softmax over one '
                       'class has nothing to learn'):
        check_student(runner.model, torch.zeros(2, 1, 8, 8))


@pytest.mark.parametrize('channels, fix', [
    (1, r'it takes 3 channels: set its data_preprocessor=dict\(mean=\[...\], '
     r'std=\[...\]\) with 3 numbers each'),
    (4, 'it takes 3 channels: give another teacher, or load images of 3'),
])
def test_a_teacher_of_other_channels(channels, fix):
    network = dict(type='mmdeit.TorchvisionClassifier', weights=None,
                   model_name='squeezenet1_1', num_classes=8)
    teacher = Teacher(network, data_preprocessor=dict(mean=[0.], std=[1.]))
    teacher.bind(SPEC.__class__(8))
    with pytest.raises(ValueError, match=fix):
        ask(teacher, torch.zeros(1, channels, 64, 64), 8)
