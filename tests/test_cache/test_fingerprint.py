"""What another cache is for, each difference by its name; and what is not."""
import json
import re
import shutil
from copy import deepcopy
from pathlib import Path
from types import SimpleNamespace

import pytest
from mmengine.config import ConfigDict

from mmdeit.cache import fingerprint, open_cache
from mmdeit.cache.fingerprint import digest_images
from tests.pictures import write_pictures
from tests.recipe import recipe

from .conftest import write_teacher

STEPS = dict(crop=1, flip=2, rand=3, erase=4)


@pytest.fixture
def cfg(tmp_path, teacher):
    """A recipe with a teacher, and mixing in which everything is set."""
    pictures = write_pictures(tmp_path / 'pictures', 16)
    cfg = recipe(pictures)
    cfg.work_dir = str(tmp_path / 'work')
    cfg.model.head.loss.mode = 'hard'
    cfg.default_hooks.teacher = dict(
        type='mmdeit.TeacherHook', teacher=teacher, preflight=0)
    return cfg


@pytest.fixture
def open_with(tmp_path, build_runner):
    """Open the cache as a training with a config does."""

    def open_with(cfg, kind='labels'):
        runner = build_runner(cfg)
        cache = open_cache(runner, str(tmp_path / 'cache'), kind,
                           cfg.default_hooks.teacher.teacher)
        assert runner.train_loop.seed == 0
        return cache

    return open_with


def teacher_of(cfg):
    return cfg.default_hooks.teacher.teacher


def step(cfg, name):
    return cfg.train_dataloader.dataset.pipeline[STEPS[name]]


def pictures(cfg):
    return Path(cfg.train_dataloader.dataset.data_prefix)


def add_picture(cfg):
    first = next(pictures(cfg).rglob('*.jpg'))
    shutil.copy(first, first.with_name('99.jpg'))


def swap_pictures(cfg):
    """Two images in another order, by a list of them."""
    root = pictures(cfg)
    lines = [f'{file.relative_to(root)} {"abcd".index(file.parent.name)}\n'
             for file in sorted(root.rglob('*.jpg'))]
    lines[3], lines[4] = lines[4], lines[3]
    (root.parent / 'list.txt').write_text(''.join(lines))
    cfg.train_dataloader.dataset.update(
        data_root=str(root), data_prefix='',
        ann_file=str(root.parent / 'list.txt'))


def rename_picture(cfg):
    first = sorted(pictures(cfg).rglob('*.jpg'))[0]
    first.rename(first.with_name(f'{first.stem}_.jpg'))


def change_label(cfg):
    """Classes that are the same folders, in another order."""
    cfg.train_dataloader.dataset.metainfo = dict(
        classes=['b', 'a', 'c', 'd'])


def change_weights(cfg):
    write_teacher(teacher_of(cfg).checkpoint, seed=2)


def make_ensemble(cfg):
    cfg.default_hooks.teacher.teacher = ConfigDict(
        type='mmdeit.TeacherEnsemble',
        members=[teacher_of(cfg), deepcopy(teacher_of(cfg))])


IMAGES = 'train_dataloader.dataset has other images or labels'
SAMPLER = 'train_dataloader.sampler'
PIPELINE = r'train_dataloader.dataset.pipeline\[{}\]'
MODEL = 'default_hooks.teacher.teacher.model'

DIFFERENCES = {
    'one image more': (
        add_picture, 'dataset has 17 images, and had 16: give it'),
    'two images swapped': (swap_pictures, IMAGES),
    'an image renamed': (rename_picture, IMAGES),
    'a label': (change_label, IMAGES),
    'sampler': (
        lambda cfg: cfg.train_dataloader.update(
            sampler=dict(type='DefaultSampler', shuffle=True)),
        f'{SAMPLER}'),
    'seed of the sampler': (
        lambda cfg: cfg.train_dataloader.sampler.update(seed=3),
        f'{SAMPLER}.seed was None, and is 3: set it as it was'),
    'repeats': (
        lambda cfg: cfg.train_dataloader.sampler.update(num_repeats=2),
        f'{SAMPLER}.num_repeats was 3, and is 2'),
    'seed': (
        lambda cfg: cfg.train_cfg.update(seed=7),
        'train_cfg.seed was 0, and is 7'),
    'batch': (
        lambda cfg: cfg.auto_scale_lr.update(base_batch_size=8),
        'auto_scale_lr.base_batch_size was 16, and is 8'),
    'groups': (
        lambda cfg: cfg.model.data_preprocessor.update(group_size=8),
        'model.data_preprocessor.group_size was 4, and is 8'),
    'groups by a small pass': (
        lambda cfg: cfg.train_dataloader.update(batch_size=2),
        'model.data_preprocessor.group_size was 4, and is 2'),
    'load': (
        lambda cfg: cfg.train_dataloader.dataset.pipeline[0].update(
            color_type='color'),
        f'{PIPELINE.format(0)}.color_type'),
    'image size': (
        lambda cfg: step(cfg, 'crop').update(scale=24),
        f'{PIPELINE.format(1)}.scale was 16, and is 24'),
    'crop': (
        lambda cfg: step(cfg, 'crop').update(crop_ratio_range=(0.5, 1.)),
        f'{PIPELINE.format(1)}.crop_ratio_range'),
    'interpolation': (
        lambda cfg: step(cfg, 'crop').update(interpolation='bilinear'),
        f"{PIPELINE.format(1)}.interpolation was 'bicubic'"),
    'flip': (
        lambda cfg: step(cfg, 'flip').update(prob=0.4),
        f'{PIPELINE.format(2)}.prob was 0.5, and is 0.4'),
    'RandAugment': (
        lambda cfg: step(cfg, 'rand').update(magnitude_level=7),
        f'{PIPELINE.format(3)}.magnitude_level was 9, and is 7'),
    'erasing': (
        lambda cfg: step(cfg, 'erase').update(erase_prob=0.25),
        f'{PIPELINE.format(4)}.erase_prob was 0.5, and is 0.25'),
    'transform left out': (
        lambda cfg: cfg.train_dataloader.dataset.pipeline.pop(2),
        'train_dataloader.dataset.pipeline was'),
    'alpha of Mixup': (
        lambda cfg: cfg.model.train_cfg.augments[0].update(alpha=0.2),
        r'model.train_cfg.augments\[0\].alpha was 0.8, and is 0.2'),
    'chance of Mixup': (
        lambda cfg: cfg.model.train_cfg.update(probs=[0.3, 0.7]),
        'model.train_cfg.probs was None'),
    'no CutMix': (
        lambda cfg: cfg.model.train_cfg.augments.pop(),
        'model.train_cfg.augments was'),
    'no mixing': (
        lambda cfg: cfg.model.update(train_cfg=None),
        'model.data_preprocessor.group_size was 4, and is 1'),
    'mean': (
        lambda cfg: cfg.model.data_preprocessor.update(mean=[100.] * 3),
        r'model.data_preprocessor.mean\[0\] was 123.\d+, and is 100'),
    'std': (
        lambda cfg: cfg.model.data_preprocessor.update(std=[50.] * 3),
        r'model.data_preprocessor.std\[0\]'),
    'channels': (
        lambda cfg: cfg.model.data_preprocessor.update(to_rgb=False),
        'model.data_preprocessor.to_rgb was True, and is False'),
    "teacher's model": (
        lambda cfg: teacher_of(cfg).model.backbone.update(depth=34),
        f'{MODEL}.backbone.depth was 18, and is 34'),
    "teacher's default": (
        lambda cfg: teacher_of(cfg).model.backbone.update(style='caffe'),
        f"{MODEL}.backbone.style was 'pytorch', and is 'caffe'"),
    "teacher's weights": (
        change_weights, r"teacher.teacher.checkpoint was '\w{8}', and is"),
    "teacher's normalisation": (
        lambda cfg: teacher_of(cfg).update(
            data_preprocessor=dict(mean=[0.] * 3, std=[255.] * 3)),
        'teacher.teacher.data_preprocessor was None'),
    "teacher's size": (
        lambda cfg: teacher_of(cfg).update(input_size=24),
        'teacher.teacher.input_size was None, and is 24'),
    "teacher's classes": (
        lambda cfg: teacher_of(cfg).update(class_mapping=[1, 0, 2, 3]),
        'teacher.teacher.class_mapping was None'),
    'ensemble': (make_ensemble, 'default_hooks.teacher.teacher.'),
}


@pytest.mark.parametrize('name', DIFFERENCES)
def test_a_difference_is_refused_by_its_name(name, cfg, open_with):
    change, message = DIFFERENCES[name]
    open_with(cfg)
    change(cfg)
    with pytest.raises(ValueError, match=message) as refused:
        open_with(cfg)
    line = str(refused.value)
    assert '\n' not in line and len(line) < 700
    assert re.search(': (set|give) it ', line)


@pytest.mark.parametrize('change, message', [
    (dict(weights=[1., 2.]), r'teacher.teacher.weights was None, and is \['),
    (dict(combine='vote'), "combine was 'probabilities', and is 'vote'"),
])
def test_an_ensemble_differs(change, message, cfg, open_with):
    make_ensemble(cfg)
    open_with(cfg)
    teacher_of(cfg).update(change)
    with pytest.raises(ValueError, match=message):
        open_with(cfg)


def test_a_member_of_an_ensemble_differs(cfg, open_with, tmp_path):
    make_ensemble(cfg)
    open_with(cfg)
    other = write_teacher(tmp_path / 'other.pth', seed=2)
    teacher_of(cfg).members[1].checkpoint = other['checkpoint']
    with pytest.raises(ValueError, match=r'members\[1\].checkpoint was'):
        open_with(cfg)


@pytest.mark.parametrize('library', fingerprint.LIBRARIES)
def test_a_library_differs(library, cfg, open_with, monkeypatch):
    open_with(cfg)
    version = fingerprint._version
    monkeypatch.setattr(
        fingerprint, '_version',
        lambda name: '0.1' if name == library else version(name))
    with pytest.raises(ValueError, match=(
            f'{library} was .*, and is 0.1: install {library}==')):
        open_with(cfg)


def test_another_stream_and_other_classes_differ(
        cfg, open_with, tmp_path, monkeypatch):
    open_with(cfg)
    monkeypatch.setattr(fingerprint, 'STREAM', 2)
    with pytest.raises(ValueError, match='another mmdeit'):
        open_with(cfg)
    monkeypatch.undo()
    index = tmp_path / 'cache/cache.json'
    index.write_text(json.dumps(
        dict(json.loads(index.read_text()), num_classes=7)))
    with pytest.raises(ValueError, match='model.head.num_classes was 7'):
        open_with(cfg)


def test_the_precision_differs_once_a_teacher_is_there(
        cfg, tmp_path, build_runner):
    cfg.default_hooks.teacher.cache = str(tmp_path / 'cache')
    cfg.train_cfg.max_epochs = 1
    build_runner(cfg).train()
    shutil.copytree(tmp_path / 'cache', tmp_path / 'whole')
    teacher_of(cfg).dtype = 'bfloat16'
    cfg.train_cfg.max_epochs = 2
    with pytest.raises(ValueError, match=(
            r"precision \(dtype\) was 'float32', and is 'bfloat16'")):
        build_runner(cfg).train()
    teacher_of(cfg).dtype = 'float32'  # what None was
    build_runner(cfg).train()


def elsewhere(cfg):
    moved = pictures(cfg).with_name('moved') / 'train'
    shutil.copytree(pictures(cfg), moved)
    cfg.train_dataloader.dataset.data_prefix = str(moved)


def move_checkpoint(cfg):
    file = Path(teacher_of(cfg).checkpoint)
    teacher_of(cfg).checkpoint = str(file.rename(file.with_name('other.pth')))


def write_defaults(cfg):
    cfg.train_dataloader.sampler.update(seed=None, num_repeats=3, shuffle=True)
    step(cfg, 'crop').update(crop_ratio_range=(0.08, 1.0), max_attempts=10)
    step(cfg, 'flip').update(direction='horizontal')
    cfg.train_dataloader.dataset.update(with_label=True, lazy_init=False)
    teacher_of(cfg).update(input_size=None, class_mapping=None)
    teacher_of(cfg).model.backbone.update(style='pytorch')
    teacher_of(cfg).model.type = 'mmpretrain.ImageClassifier'


SAME = {
    'data elsewhere': elsewhere,
    'workers': lambda cfg: cfg.train_dataloader.update(num_workers=2),
    'passes': lambda cfg: cfg.train_dataloader.update(batch_size=4),
    'student': lambda cfg: cfg.model.backbone.arch.update(num_layers=3),
    "student's seed": lambda cfg: cfg.randomness.update(seed=5),
    'stochastic depth': lambda cfg: cfg.model.backbone.update(
        drop_path_rate=0.5),
    'alpha and tau': lambda cfg: cfg.model.head.loss.update(
        alpha=0.9, tau=2.),
    'more epochs': lambda cfg: cfg.train_cfg.update(max_epochs=9),
    'fewer epochs': lambda cfg: cfg.train_cfg.update(max_epochs=1),
    'recycled': lambda cfg: cfg.train_cfg.update(recycle=1),
    'work_dir': lambda cfg: cfg.update(work_dir=f'{cfg.work_dir}2'),
    'optimiser': lambda cfg: cfg.optim_wrapper.optimizer.update(lr=1.),
    "teacher's accuracy": lambda cfg: teacher_of(cfg).update(
        expected_accuracy=80.),
    "teacher's name": lambda cfg: teacher_of(cfg).update(name='me'),
    'checkpoint elsewhere': move_checkpoint,
    'checkpoint gone': lambda cfg: Path(teacher_of(cfg).checkpoint).unlink(),
    'defaults': write_defaults,
}


@pytest.mark.parametrize('name', SAME)
def test_the_same_views_and_teacher(name, cfg, open_with):
    open_with(cfg)
    SAME[name](cfg)
    open_with(cfg)


def test_a_folder_of_photographs_may_be_called_otherwise():
    """Without classes all have one folder, whose name is of the machine."""

    def images(*paths):
        return digest_images(Images([dict(img_path=path) for path in paths]))

    assert images('/a/1.jpg', '/a/2.jpg') == images('/b/c/1.jpg', '/b/c/2.jpg')
    assert images('/a/1.jpg', '/b/2.jpg') == images('/c/a/1.jpg', '/c/b/2.jpg')
    assert images('/a/1.jpg', '/b/2.jpg') != images('/a/1.jpg', '/c/2.jpg')
    assert images('/a/1.jpg', '/b/2.jpg') != images('/a/1.jpg', '/a/2.jpg')
    assert images('/a/1.jpg', '/a/2.jpg') != images('/a/2.jpg', '/a/1.jpg')


class Images(list):

    def get_data_info(self, index):
        return self[index]


def test_addresses_and_files_are_named_by_their_hash(tmp_path):
    file = tmp_path / 'teacher.pth'
    file.write_bytes(b'weights')
    digest = fingerprint._digest_file(str(file))
    assert fingerprint._digest_file(
        f'https://example.org/teacher-{digest}0f.pth') == digest
    unhashed = 'https://example.org/teacher-1.pth'
    assert fingerprint._digest_file(unhashed) == unhashed
    assert fingerprint._digest_file(None) is None
    assert fingerprint._digest_file('gone.pth') == fingerprint.MISSING


@pytest.mark.parametrize('rename', [
    lambda cfg: cfg.train_dataloader.dataset.metainfo.update(
        classes=['a', 'b', 'd', 'c']),
    lambda cfg: teacher_of(cfg).update(class_names=['a', 'b', 'd', 'c'])])
def test_the_names_that_a_mapping_is_by(rename, cfg, open_with):
    names = ['a', 'b', 'c', 'd']
    teacher_of(cfg).update(class_mapping='name', class_names=names)
    cfg.train_dataloader.dataset.update(
        metainfo=dict(classes=names), with_label=False)
    open_with(cfg)
    open_with(cfg)
    rename(cfg)
    with pytest.raises(ValueError, match=r"class_\w+\[2\] was 'c', and is 'd'"):
        open_with(cfg)


def test_a_cache_does_not_begin_without_its_teacher(cfg, open_with, tmp_path):
    right = teacher_of(cfg).checkpoint
    teacher_of(cfg).checkpoint = 'gone.pth'
    with pytest.raises(ValueError, match='no file gone.pth'):
        open_with(cfg)
    teacher_of(cfg).checkpoint = right
    open_with(cfg)


def test_values_that_json_has_not():
    assert fingerprint.plain(dict(a=(1, Path('b')), c=print)) == dict(
        a=[1, 'b'], c='print')
    assert fingerprint.plain(SimpleNamespace) == 'SimpleNamespace'
    assert fingerprint.plain(object()) == 'object'
