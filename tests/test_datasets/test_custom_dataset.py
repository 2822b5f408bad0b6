"""Folders of classes: what is read, what is counted and how it is numbered."""
import os

import pytest
from mmengine.logging import MMLogger
from mmengine.registry import DATASETS
from mmpretrain.datasets import CustomDataset as TheirCustomDataset

from mmdeit.datasets.class_folders import map_folders


def make(root, *paths):
    """Make empty files, and folders where a path ends in a slash."""
    for path in paths:
        if path.endswith('/'):
            (root / path).mkdir(parents=True, exist_ok=True)
        else:
            (root / path).parent.mkdir(parents=True, exist_ok=True)
            (root / path).touch()
    return root


@pytest.fixture
def root(tmp_path):
    return make(tmp_path / 'train', 'b/2.jpg', 'b/1.PNG', 'a/x/3.bmp',
                'a/x.jpg', 'c/a.jpeg')


@pytest.fixture
def build(root):
    """Build a dataset, and return it with what it warns of."""
    lines = []

    def build(kind='mmdeit.CustomDataset', **kwargs):
        logger = MMLogger.get_instance('dataset')
        logger.handle = lambda record: record.levelno < 30 or lines.append(
            record.getMessage())
        dataset = DATASETS.build(
            dict(type=kind, data_prefix=str(root), **kwargs))
        return dataset, lines

    yield build
    MMLogger._instance_dict.pop('dataset', None)


def labels_of(dataset):
    infos = map(dataset.get_data_info, range(len(dataset)))
    return [(os.path.relpath(info['img_path'], dataset.img_prefix),
             info.get('gt_label')) for info in infos]


def test_images_and_order_are_mmpretrains(root, build):
    (root / 'd').symlink_to(root / 'a')  # links are followed
    ours, lines = build()
    theirs = TheirCustomDataset(data_prefix=str(root))
    assert labels_of(ours) == labels_of(theirs)
    assert ours.metainfo == theirs.metainfo
    assert ours.folder_to_idx == theirs.folder_to_idx
    assert lines == []


def test_images_without_labels(root, build):
    make(root, 'z.jpg')
    ours, lines = build(with_label=False)
    theirs = TheirCustomDataset(data_prefix=str(root), with_label=False)
    assert labels_of(ours) == labels_of(theirs)
    assert len(ours) == 6 and lines == []


@pytest.mark.parametrize('name', ['.ipynb_checkpoints', '.git', '__MACOSX'])
def test_hidden_folders_are_no_classes(root, build, name):
    make(root, f'{name}/a.jpg', f'a/{name}/a.jpg')
    dataset, [line] = build()
    assert dataset.CLASSES == ('a', 'b', 'c')
    assert len(dataset) == 5
    assert line == (f'{root}: besides 5 images there are hidden folders: 1 '
                    f'(a/{name})')


def link_upwards(root):
    (root / 'a/up').symlink_to(root)


@pytest.mark.parametrize('change, words', [
    (lambda root: make(root, 'a/1.webp', 'b/2.WebP', 'a/x/3.webp'),
     'besides 5 images there are files ending in .webp: 3 (a/1.webp); read are '
     '.bmp, .jpeg, .jpg, .pgm, .png, .ppm, .tif: set extensions=[...] of its '
     'dataset for other files'),
    (lambda root: make(root, 'a/1.tiff', 'a/2'),
     'files ending in .tiff: 1 (a/1.tiff), files without an ending: 1 (a/2)'),
    (lambda root: (root / 'c/b.jpg').symlink_to('nowhere'),
     'besides 5 images there are broken links: 1 (c/b.jpg)'),
    (lambda root: os.mkfifo(root / 'c/b.jpg'), 'special files: 1 (c/b.jpg)'),
    (lambda root: make(root, 'c/b.jpg/'),
     'folders named like images: 1 (c/b.jpg)'),
    (lambda root: make(root, '1.jpg', '2.jpg', 'notes.txt'),
     'images in no folder of a class: 2 (1.jpg)'),
    (lambda root: make(root, 'd/', 'e/1.webp'),
     "no images of the classes 'd', 'e'"),
    (link_upwards, 'links to a folder above them: 1 (a/up)'),
])
def test_what_is_not_read_is_counted_once(root, build, change, words):
    change(root)
    dataset, [line] = build()
    assert len(dataset) == 5
    assert line.startswith(f'{root}: ') and words in line and '\n' not in line


def test_hidden_files_are_nothing_to_speak_of(root, build):
    make(root, 'a/.DS_Store', 'a/._x.jpg', '.x.jpg')
    dataset, lines = build()
    assert len(dataset) == 5 and lines == []


def test_other_endings_can_be_read(root, build):
    make(root, 'a/1.webp')
    dataset, [line] = build(extensions=['.webp', '.jpg'])
    assert len(dataset) == 3
    assert '.webp' not in line.split(';')[0]


@pytest.mark.parametrize('path', ['a.jpg', '.git/a.jpg'])
def test_no_folders(tmp_path, path):
    make(tmp_path, path)
    with pytest.raises(ValueError, match='has no folders of classes: put the'):
        DATASETS.build(dict(type='mmdeit.CustomDataset',
                            data_prefix=str(tmp_path)))


@pytest.mark.parametrize('folders, classes, labels', [
    ('abc', None, [0, 1, 2]),
    ('abc', 'abc', [0, 1, 2]),
    ('abc', 'cab', [1, 2, 0]),  # by name, not by order
    ('ac', 'abc', [0, 2]),  # a class without a folder
    (['n01', 'n02'], ['tench', 'goldfish'], [0, 1]),  # other names, in order
    (['01', '02', '10'], ['x', 'y', 'z'], [0, 1, 2]),
])
def test_labels_of_folders(folders, classes, labels):
    assert list(map_folders(list(folders), classes).values()) == labels


@pytest.mark.parametrize('folders, classes, message', [
    (['Cat', 'dog'], ['cat', 'dog'],
     "no class is named as the folders 'Cat', nearest is 'cat'"),
    (['Cat', 'Dog'], ['dog', 'cat'], "folders 'Cat', 'Dog', nearest is 'cat'"),
    ('abd', 'abc', "no class is named as the folders 'd': rename them, or set "
     'classes to the names of all 3 folders'),
    (['n01', 'n02'], ['tench'], "no class is named as the folders 'n01', "),
    ('ab', 'aab', 'classes names a class twice'),
    ([str(i) for i in sorted(range(11), key=str)], 'ABCDEFGHIJK',
     "the order of the numbered folders is '0', '1', '10' and 8 more"),
])
def test_folders_of_other_classes(folders, classes, message):
    with pytest.raises(ValueError) as error:
        map_folders(list(folders), list(classes))
    assert message in str(error.value)


def test_classes_are_matched_by_name(root, build):
    dataset, [line] = build(classes=['c', 'x', 'b', 'a'])
    assert dict(labels_of(dataset))['c/a.jpeg'] == 0
    assert dict(labels_of(dataset))['a/x.jpg'] == 3
    assert line == f"{root}: no images of the classes 'x'"
    with pytest.raises(ValueError, match="train: .*folders 'b', 'c'"):
        build(metainfo=dict(classes=['a', 'd', 'e']))


def test_imagenet_keeps_its_names(tmp_path):
    for i in range(1000):
        (tmp_path / f'val/n{i:08}').mkdir(parents=True)
        (tmp_path / f'val/n{i:08}/a.JPEG').touch()
    make(tmp_path, 'val/.ipynb_checkpoints/')
    build, part = DATASETS.build, dict(data_root=str(tmp_path), split='val')
    ours = build(dict(type='mmdeit.ImageNet', **part))
    (tmp_path / 'val/.ipynb_checkpoints').rmdir()
    theirs = build(dict(type='mmpretrain.ImageNet', **part))
    assert labels_of(ours) == labels_of(theirs)
    assert ours.CLASSES == theirs.CLASSES
