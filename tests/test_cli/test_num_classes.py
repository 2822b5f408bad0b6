"""One number of classes, in every place that has to know it."""
from copy import deepcopy
from pathlib import Path

import pytest
from mmengine.config import Config
from mmengine.registry import MODELS

from mmdeit.cli import load_config
from mmdeit.cli.num_classes import apply_num_classes

from .test_config import parse

HEAD = dict(type='LinearClsHead', num_classes=1000, in_channels=32)
TEACHER = dict(type='mmdeit.Teacher', model=dict(head=HEAD))


@pytest.fixture
def classifier():
    """What of a config the number of classes concerns."""
    return Config(dict(
        default_scope='mmpretrain',
        num_classes=1000,
        data_preprocessor=dict(num_classes=1000),
        model=dict(
            head=dict(num_classes=1000),
            data_preprocessor=dict(num_classes=1000)),
        default_hooks=dict(
            teacher=dict(type='mmdeit.TeacherHook', teacher=deepcopy(TEACHER))),
        val_evaluator=dict(type='mmdeit.HeadsAccuracy', topk=(1, 5)),
        test_evaluator=[
            dict(type='Accuracy', topk=5), dict(type='SingleLabelMetric')]))


def write(path, cfg):
    cfg.dump(path)
    return path


def teacher_of(cfg):
    return cfg.default_hooks.teacher.teacher


def test_by_an_option(classifier, tmp_path):
    path = write(tmp_path / 'a.py', classifier)
    cfg = load_config(parse(path, '--cfg-options', 'num_classes=37'))
    assert cfg.num_classes == 37
    assert cfg.model.head.num_classes == 37
    assert cfg.model.data_preprocessor.num_classes == 37
    assert cfg.data_preprocessor.num_classes == 37
    assert teacher_of(cfg).model.head.num_classes == 37
    assert cfg.val_evaluator.topk == (1, 5)


def test_by_a_config_that_inherits(classifier, tmp_path):
    write(tmp_path / 'base.py', classifier)
    (tmp_path / 'own.py').write_text("_base_ = 'base.py'\nnum_classes = 4\n")
    cfg = load_config(parse(tmp_path / 'own.py'))
    assert cfg.model.head.num_classes == cfg.data_preprocessor.num_classes == 4
    assert teacher_of(cfg).model.head.num_classes == 4


@pytest.mark.parametrize('number, first, second', [
    (5, (1, 5), (5, )), (3, (1, ), (1, ))])
def test_no_metric_asks_for_more(classifier, number, first, second):
    classifier.num_classes = number
    apply_num_classes(classifier)
    assert classifier.val_evaluator.topk == first
    assert classifier.test_evaluator[0].topk == second
    assert 'topk' not in classifier.test_evaluator[1]


def test_without_metrics_and_teacher(classifier):
    """As after --no-validate, and of a student that learns alone."""
    classifier.val_evaluator = classifier.test_evaluator = None
    del classifier.default_hooks['teacher']
    del classifier.model['data_preprocessor']
    classifier.num_classes = 4
    apply_num_classes(classifier)
    assert classifier.model == dict(head=dict(num_classes=4))


def test_an_old_config_stays(classifier):
    classifier.pop('num_classes')
    classifier.model.head.num_classes = 7
    before = classifier.to_dict()
    apply_num_classes(classifier)
    assert classifier.to_dict() == before


def test_teachers_of_other_classes(classifier):
    """Each member of an ensemble on its own; in custom_hooks, as in 0.1."""
    mapped = dict(TEACHER, class_mapping=[3, 1])
    timm = dict(model=dict(type='mmdeit.TimmClassifier', model_name='a'))
    zoo = dict(model='resnet50_8xb32_in1k')
    classifier.custom_hooks = [
        dict(type='EMAHook'),
        dict(type='mmdeit.TeacherHook', teacher=dict(
            type='mmdeit.TeacherEnsemble',
            members=[deepcopy(TEACHER), deepcopy(mapped), timm, zoo]))]
    del classifier.default_hooks['teacher']
    classifier.num_classes = 2
    apply_num_classes(classifier)
    members = classifier.custom_hooks[1].teacher.members
    assert members[0].model.head.num_classes == 2
    assert members[1:] == [mapped, timm, zoo]


def test_a_teacher_by_the_path_of_its_config(classifier, tmp_path):
    path = tmp_path / 'teacher.py'
    Config(dict(
        num_classes=None,
        data_preprocessor=dict(mean=[0.], std=[255.], to_rgb=False),
        model=dict(
            type='ImageClassifier',
            backbone=dict(type='LeNet5'),
            head=dict(HEAD, num_classes=None)))).dump(path)
    teacher = teacher_of(classifier)
    teacher.model = str(path)
    classifier.num_classes = 4
    apply_num_classes(classifier)
    assert teacher.model.data_preprocessor.std == [255.]
    assert MODELS.build(teacher.model).head.num_classes == 4

    teacher.model = 'nowhere.py'  # testing needs no teacher
    apply_num_classes(classifier)
    assert teacher.model == 'nowhere.py'


@pytest.fixture(params=['train', dict(img_path='train')])
def folders(tmp_path, request):
    """Images of three classes, and a file beside them."""
    for name in ('b', 'a', 'c'):
        (tmp_path / 'train' / name).mkdir(parents=True)
    (tmp_path / 'train/list.txt').touch()
    return dict(data_root=str(tmp_path), data_prefix=request.param)


@pytest.mark.parametrize('kind', ['CustomDataset', 'mmdeit.CustomDataset'])
@pytest.mark.parametrize('wrap', [
    lambda dataset: dataset,
    lambda dataset: dict(type='RepeatDataset', times=2, dataset=dataset),
    lambda dataset: dict(type='ClassBalancedDataset', oversample_thr=1e-3,
                         dataset=dataset),
    lambda dataset: dict(type='ConcatDataset', datasets=[dataset, dataset]),
])
def test_none_counts_the_folders(classifier, folders, kind, wrap, tmp_path,
                                 capsys):
    classifier.num_classes = classifier.model.head.num_classes = None
    classifier.train_dataloader = dict(dataset=wrap(dict(type=kind, **folders)))
    cfg = load_config(parse(write(tmp_path / 'a.py', classifier)))
    assert cfg.num_classes == cfg.model.head.num_classes == 3
    assert capsys.readouterr().out.count('num_classes is 3, as many as') == 1


def test_unlabelled_images_have_the_classes_of_the_validation(
        classifier, folders, tmp_path):
    classifier.num_classes = None
    val = dict(type='mmdeit.CustomDataset', **folders)
    train = dict(val, with_label=False)
    classifier.val_dataloader = dict(dataset=val)
    classifier.train_dataloader = dict(dataset=train)
    cfg = load_config(parse(write(tmp_path / 'a.py', classifier)))
    assert cfg.num_classes == cfg.model.head.num_classes == 3
    assert cfg.train_dataloader.dataset.classes == ['a', 'b', 'c']
    classifier.train_dataloader.dataset.classes = ['c', 'a']  # the user's own
    classifier.num_classes = 2
    cfg = load_config(parse(write(tmp_path / 'a.py', classifier)))
    assert cfg.train_dataloader.dataset.classes == ['c', 'a']


def test_unlabelled_images_have_the_classes_of_the_labelled(
        classifier, folders, tmp_path):
    classifier.num_classes = None
    labelled = dict(type='mmdeit.CustomDataset', **folders)
    classifier.train_dataloader = dict(dataset=dict(
        type='ConcatDataset',
        datasets=[dict(labelled, with_label=False), labelled]))
    cfg = load_config(parse(write(tmp_path / 'a.py', classifier)))
    assert cfg.num_classes == 3
    unlabelled, labelled = cfg.train_dataloader.dataset.datasets
    assert unlabelled.classes == ['a', 'b', 'c'] and 'classes' not in labelled


@pytest.mark.parametrize('names, number', [(None, 3), (['a', 'b'], 2)])
def test_none_counts_no_hidden_folder(classifier, folders, names, number):
    for name in ('.ipynb_checkpoints', '__MACOSX'):
        Path(folders['data_root'], 'train', name).mkdir()
    classifier.num_classes = None
    classifier.train_dataloader = dict(dataset=dict(
        type='mmdeit.CustomDataset', classes=names, **folders))
    apply_num_classes(classifier)
    assert classifier.num_classes == number


@pytest.mark.parametrize('dataset, message', [
    (None, 'set num_classes or its data_root'),
    (dict(data_root='nowhere'), 'train_dataloader: no data in nowhere'),
    (dict(ann_file='list.txt'), 'set num_classes or its data_root'),
])
def test_nothing_to_count(classifier, folders, dataset, message):
    classifier.num_classes = None
    if dataset:
        classifier.train_dataloader = dict(
            dataset=dict(type='CustomDataset', **folders) | dataset)
    with pytest.raises((ValueError, OSError), match=message):
        apply_num_classes(classifier)
