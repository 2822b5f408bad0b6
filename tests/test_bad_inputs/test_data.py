"""Folders and lists of images that are not what the config says."""

from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest
from mmengine.registry import DATASETS
from torch.utils.data import Dataset

from tests.tools import run_tool

from .world import CLASSES, SPLITS, TOOLS, Case, World, run

# A list of training images, in which a line is to be wrong.
GOOD = 'cat/0.png 0\ndog/0.png 1\nfox/0.png 2\nfox/1.png 2\n'


def listed(text: str | bytes):
    """Train on a list of images."""

    def spoil(world: World) -> None:
        world.configure(
            "train_dataloader['dataset'].update("
            f"ann_file='train.txt', classes={CLASSES})\n"
            'num_classes = 3'
        )
        world.write('data/train.txt', text)

    return spoil


def annotated(text: str):
    """Train on a list in mmengine's format."""

    def spoil(world: World) -> None:
        world.configure(
            "train_dataloader['dataset'].update("
            "type='BaseDataset', ann_file='a.json')\n"
            'num_classes = 3'
        )
        world.write('data/a.json', text)

    return spoil


def encoded(name: str, content: bytes):
    """Train on a list in mmengine's format, in a file of another ending."""

    def spoil(world: World) -> None:
        annotated('')(world)
        world.configure(f"train_dataloader['dataset']['ann_file'] = '{name}'")
        world.write(f'data/{name}', content)

    return spoil


def each_image(change: Callable[[Path], object]):
    """Change each training image."""
    return lambda world: [*map(change, world.images('train'))]


def beside_the_classes(world: World) -> None:
    for path in world.images('train'):
        path.rename(world / f'data/train/{path.parent.name}{path.name}')


def trained_on(*classes: str):
    """Give the checkpoint other names of classes."""
    return lambda world: world.change_checkpoint(
        lambda content: content['meta'].update(
            dataset_meta=dict(classes=classes)
        )
    )


def named(*classes: str):
    """Give the training images other names of classes."""
    return lambda world: world.configure(
        f"train_dataloader['dataset'].update(classes={classes})"
    )


def unlabelled(split: str):
    """Take the labels away."""
    return lambda world: world.configure(
        f"{split}_dataloader['dataset'].update(with_label=False)\n"
        'num_classes = 3'
    )


def semi(world: World) -> None:
    """Train on unlabelled images besides the labelled ones."""
    world.configure(
        "train_dataloader['dataset'] = dict(type='ConcatDataset', "
        "datasets=[train_dataloader['dataset'], dict(train_dataloader["
        "'dataset'], with_label=False)])"
    )


def taught(world: World, option: str) -> None:
    """Change how the student learns."""
    world.configure(f"model['head']['loss'].update({option})")


def alone(world: World) -> None:
    """Train without a teacher."""
    taught(world, "mode='none'")
    world.configure("default_hooks['teacher'] = None")


CASES = [
    # classes
    Case(
        'val lacks a class',
        'train',
        "val_dataloader: data/val lacks 'dog', compared with "
        'train_dataloader: data/train: rename the folders, add an',
        lambda w: w.remove('data/val/dog'),
    ),
    Case(
        'val has another class',
        'train',
        "val_dataloader: data/val has 'elk' besides, compared with "
        'train_dataloader: data/train: rename the folders,',
        lambda w: w.folder('data/val/elk'),
    ),
    Case(
        'val spells a class differently',
        'train',
        "val_dataloader: data/val lacks 'dog' (nearest is 'Dog') and has "
        "'Dog' (nearest is 'dog') besides, compared",
        lambda w: w.move('data/val/dog', 'data/val/Dog'),
    ),
    Case(
        'val has other classes',
        'train',
        "val_dataloader: data/val has none of the names, but 'mycat', "
        "'mydog', 'myfox' instead of 'cat', 'dog', 'fox',",
        lambda w: [
            w.move(f'data/val/{name}', f'data/val/my{name}') for name in CLASSES
        ],
    ),
    Case(
        'test lacks a class, in training',
        'train',
        "test_dataloader: data/test lacks 'dog', compared with "
        'train_dataloader: data/train: rename the folders, add',
        lambda w: w.remove('data/test/dog'),
    ),
    Case(
        'test lacks a class',
        'test',
        "test_dataloader: data/test lacks 'dog', compared with "
        'train_dataloader: data/train: rename the folders, add',
        lambda w: w.remove('data/test/dog'),
    ),
    Case(
        'test spells a class differently',
        'test',
        "test_dataloader: data/test lacks 'dog' (nearest is 'dogs') and has "
        "'dogs' (nearest is 'dog') besides,",
        lambda w: w.move('data/test/dog', 'data/test/dogs'),
    ),
    Case(
        'teacher check, val lacks a class',
        'check',
        "val_dataloader: data/val lacks 'dog', compared with "
        'train_dataloader: data/train: rename the folders, add an',
        lambda w: w.remove('data/val/dog'),
    ),
    Case(
        'agreement, test lacks a class',
        'agreement',
        "test_dataloader: data/test lacks 'cat', compared with "
        'train_dataloader: data/train: rename the folders, add',
        lambda w: w.remove('data/test/cat'),
    ),
    Case(
        'benchmark, val lacks a class',
        'benchmark',
        "val_dataloader: data/val lacks 'dog', compared with "
        'train_dataloader: data/train: rename the folders, add an',
        lambda w: w.remove('data/val/dog'),
    ),
    Case(
        'checkpoint of other classes',
        'test',
        "student.pth: it was trained on other classes: the data lacks 'elk' "
        "and has 'fox' besides: give the data of",
        trained_on('cat', 'dog', 'elk'),
    ),
    Case(
        'checkpoint in another order',
        'test',
        'student.pth: it was trained on other classes: the data has another '
        "order: class 0 is 'cat' instead of 'dog':",
        trained_on('dog', 'cat', 'fox'),
    ),
    Case(
        'checkpoint of more classes',
        'test',
        "student.pth: it was trained on other classes: the data lacks 'elk': "
        'give the data of the checkpoint, or where',
        trained_on('cat', 'dog', 'elk', 'fox'),
    ),
    Case(
        "a hidden folder in mmpretrain's dataset",
        'train',
        'train_dataloader: data/train has a hidden folder, which would shift '
        "the labels: set the dataset's",
        lambda w: (
            w.folder('data/train/.ipynb_checkpoints'),
            w.replace('mmdeit.CustomDataset', 'CustomDataset'),
        ),
    ),
    Case(
        'classes in another order than the folders',
        'train',
        "val_dataloader: data/val has another order: class 0 is 'cat' "
        "instead of 'dog', compared with",
        named('dog', 'cat', 'fox'),
    ),
    Case(
        'classes that are no folders',
        'train',
        'train_dataloader: data/train: no class is named as the folders '
        "'fox': rename them, or set classes to the",
        named('cat', 'dog', 'wolf'),
    ),
    Case(
        'a folder less, of other names than the classes',
        'train',
        "val_dataloader: data/val: 2 folders, as 'n0', 'n1', are too few for 3 "
        'classes of other names: add an empty one for each class without',
        lambda w: (
            w.move('data/val/cat', 'data/val/n0'),
            w.move('data/val/dog', 'data/val/n1'),
            w.remove('data/val/fox'),
            w.configure("val_dataloader['dataset']['classes'] = "
                        "['cat', 'dog', 'fox']"),
        ),
    ),
    # classes in a file
    *(Case(
        f'a file of classes {name}',
        'train',
        f'classes.txt{line}',
        lambda w, text=text: (
            text and w.write('classes.txt', text),
            w.configure("train_dataloader['dataset']['classes'] = "
                        "'classes.txt'")),
    ) for name, text, line in (
        ('that is not there', b'', ': No such file or directory'),
        ('that is empty', b'\n', ' is empty'),
        ('with a mark', b'\xef\xbb\xbfcat\ndog\nfox\n', ', line 1: the file '
         'is UTF-8 with a mark, not plain UTF-8: save it as UTF-8'),
        ('in UTF-16', 'cat\ndog\nfox'.encode('utf-16'), ', line 1: the file is '
         'UTF-16, not plain UTF-8'),
        ('in Latin-1', b'cat\nd\xf6g\nfox', ', line 2: the file is Latin-1'),
        ('with a blank line', b'cat\n\ndog\nfox', ', line 2: no class has an '
         'empty name: remove the line'),
    )),
    Case(
        'one class',
        'train',
        'num_classes is 1, and a softmax over one class learns nothing: give '
        'images of at least two classes',
        lambda w: [
            w.remove(f'data/{split}/{name}')
            for split in SPLITS
            for name in ('cat', 'dog')
        ],
    ),
    # folders
    Case(
        'no data',
        'train',
        'train_dataloader: no data in data/train: put it there (see its '
        'config in configs/_base_/datasets), or set',
        lambda w: w.remove('data'),
    ),
    Case(
        'no training data',
        'train',
        'train_dataloader: no data in data/train: put it there (see its '
        'config in configs/_base_/datasets), or set',
        lambda w: w.remove('data/train'),
    ),
    Case(
        'no training data, benchmark of the loader',
        'loader',
        'train_dataloader: no data in data/train: put it there (see its '
        'config in configs/_base_/datasets), or set',
        lambda w: w.remove('data/train'),
    ),
    Case(
        'an empty folder',
        'train',
        'val_dataloader: no data in data/val: put it there (see its config '
        'in configs/_base_/datasets), or set',
        lambda w: (w.remove('data/val'), w.folder('data/val')),
    ),
    Case(
        'no test data',
        'test',
        'test_dataloader: no data in data/test: put it there (see its config '
        'in configs/_base_/datasets), or set',
        lambda w: w.remove('data/test'),
    ),
    Case(
        'images in no folder',
        'train',
        'data/train has no images, but images in no folder of a class: 9 '
        '(cat0.png); read are .bmp, .jpeg, .jpg, .pgm,',
        beside_the_classes,
    ),
    Case(
        'images of an ending that is not read',
        'train',
        'data/train has no images, but files ending in .webp: 9 '
        '(cat/0.webp); read are .bmp, .jpeg, .jpg, .pgm, .png,',
        each_image(lambda path: path.rename(path.with_suffix('.webp'))),
    ),
    Case(
        'only folders named like images',
        'train',
        'data/train has no images, but folders named like images: 9 '
        '(cat/0.png); read are .bmp, .jpeg, .jpg, .pgm,',
        each_image(lambda path: (path.unlink(), path.mkdir())),
    ),
    Case(
        'only broken links',
        'train',
        'data/train has no images, but broken links: 9 (cat/0.png); read are '
        '.bmp, .jpeg, .jpg, .pgm, .png, .ppm,',
        each_image(lambda path: (path.unlink(), path.symlink_to('none'))),
    ),
    Case(
        'a file for a folder',
        'train',
        'train_dataloader: no data in data/train: put it there (see its '
        'config in configs/_base_/datasets), or set',
        lambda w: (w.remove('data/train'), w.write('data/train', '')),
    ),
    Case(
        'a broken image',
        'test',
        'cannot read the image data/test/cat/0.png: replace or remove it '
        '(failed to load image: data/test/cat/0.png)',
        lambda w: w.write('data/test/cat/0.png', 'no image'),
    ),
    Case(
        'a broken training image',
        'train',
        'cannot read the image data/train/cat/0.png: replace or remove it '
        '(failed to load image: data/train/cat/0.png)',
        each_image(lambda path: path.write_text('no image')),
    ),
    Case(
        'an empty image in a worker',
        'test --cfg-options test_dataloader.num_workers=1',
        'cannot read the image data/test/cat/0.png: replace or remove it (',
        lambda w: w.write('data/test/cat/0.png', ''),
    ),
    Case(
        'a broken training image, benchmark of the loader in a worker',
        'loader --num-workers 1',
        'cannot read the image data/train/cat/0.png: replace or remove it (',
        lambda w: w.write('data/train/cat/0.png', 'no image'),
    ),
    # lists
    Case('an empty list', 'train', 'data/train.txt is empty', listed('')),
    Case(
        'a list of blank lines',
        'train',
        'data/train.txt is empty',
        listed('\n\n'),
    ),
    Case(
        'a list without labels',
        'train',
        "data/train.txt, line 1: 'cat/0.png' has no label: write PATH LABEL, "
        'with a space between them and a number',
        listed('cat/0.png\ndog/0.png\n'),
    ),
    Case(
        'a label as text',
        'train',
        "data/train.txt, line 5: 'cat/1.png cat' has no label: write PATH "
        'LABEL, with a space between them and a',
        listed(GOOD + 'cat/1.png cat\n'),
    ),
    Case(
        'a negative label',
        'train',
        "data/train.txt, line 5: 'cat/1.png -2' has the label -2: labels are "
        '0 to 2, correct it or num_classes',
        listed(GOOD + 'cat/1.png -2\n'),
    ),
    Case(
        'a label of K',
        'train',
        "data/train.txt, line 5: 'cat/1.png 3' has the label 3: labels are 0 "
        'to 2, correct it or num_classes',
        listed(GOOD + 'cat/1.png 3\n'),
    ),
    Case(
        'labels from 1',
        'train',
        "data/train.txt, line 3: 'fox/0.png 3' has the label 3: labels are 0 "
        'to 2, correct it or num_classes',
        listed('cat/0.png 1\ndog/0.png 2\nfox/0.png 3\n'),
    ),
    Case(
        'a label that is no integer',
        'train',
        "data/train.txt, line 5: 'cat/1.png 1.5' has the label 1.5: labels "
        'are whole numbers from 0',
        listed(GOOD + 'cat/1.png 1.5\n'),
    ),
    Case(
        'commas',
        'train',
        "data/train.txt, line 5: 'cat/1.png,0' has no label: write PATH "
        'LABEL, with a space between them and a number',
        listed(GOOD + 'cat/1.png,0\n'),
    ),
    Case(
        'a line that leads out',
        'train',
        "data/train.txt, line 5: '../test/cat/1.png 0' lies outside the "
        'folder of the images, data/train',
        listed(GOOD + '../test/cat/1.png 0\n'),
    ),
    Case(
        'an absolute line',
        'train',
        "data/train.txt, line 5: '/etc/passwd 0' lies outside the folder of "
        'the images, data/train',
        listed(GOOD + '/etc/passwd 0\n'),
    ),
    Case(
        'a list in UTF-16',
        'train',
        'data/train.txt, line 1: the file is UTF-16, not plain UTF-8: save '
        'it as UTF-8 without a byte order mark',
        listed(GOOD.encode('utf-16')),
    ),
    Case(
        'a list in Latin-1',
        'train',
        'data/train.txt, line 5: the file is Latin-1 or another, not plain '
        'UTF-8: save it as UTF-8 without a byte',
        listed(GOOD.encode() + 'käse/1.png 0\n'.encode('latin-1')),
    ),
    Case(
        'a list with a BOM',
        'train',
        'data/train.txt, line 1: the file is UTF-8 with a mark, not plain '
        'UTF-8: save it as UTF-8 without a byte order',
        listed(('\ufeff' + GOOD).encode() + b'cat/9.png 0\n'),
    ),
    Case(
        'a list that is binary',
        'train',
        'data/train.txt, line 2: the file is Latin-1 or another, not plain '
        'UTF-8: save it as UTF-8 without a byte',
        listed(bytes(range(256))),
    ),
    Case(
        'a list that is not there',
        'train',
        'data/train.txt: No such file or directory',
        lambda w: (listed(GOOD)(w), w.remove('data/train.txt')),
    ),
    Case(
        'a list that is a folder',
        'train',
        'data/train.txt: Is a directory',
        lambda w: (
            listed(GOOD)(w),
            w.remove('data/train.txt'),
            w.folder('data/train.txt'),
        ),
    ),
    Case(
        'an image that is not there',
        'train',
        'train_dataloader: data/train/no/0.png of data/train.txt does not '
        'exist: correct the list, data_root or',
        listed('no/0.png 0\nno/1.png 1\n'),
    ),
    Case(
        'a list of classes without names',
        'train',
        'num_classes is None and train_dataloader has no folders of classes '
        'to count: set num_classes or its data_root',
        lambda w: (
            listed(GOOD)(w),
            w.configure(
                "train_dataloader['dataset'].pop('classes')\nnum_classes = None"
            ),
        ),
    ),
    # no labels
    Case(
        'unlabelled test images',
        'test',
        'test_dataloader: the images of data/test have no labels: give '
        "labelled ones (with_label=True, split='val');",
        unlabelled('test'),
    ),
    Case(
        'unlabelled test images, agreement',
        'agreement',
        'test_dataloader: the images of data/test have no labels: give '
        "labelled ones (with_label=True, split='val');",
        unlabelled('test'),
    ),
    Case(
        'unlabelled training images',
        'train',
        'train_dataloader: the images of data/train have no labels: give '
        "labelled ones (with_label=True, split='val')",
        unlabelled('train'),
    ),
    Case(
        'unlabelled training images, what to do',
        'train',
        'train_dataloader: the images of data/train have no labels: give '
        "labelled ones (with_label=True, split='val'); to learn from a teacher "
        "alone, set alpha=1 and mode='hard' or 'soft' in model.head.loss or",
        unlabelled('train'),
    ),
    Case(
        'unlabelled training images without a teacher',
        'train',
        'train_dataloader: the images of data/train have no labels: give '
        "labelled ones (with_label=True, split='val'); to learn from a teacher",
        lambda w: (unlabelled('train')(w), alone(w)),
    ),
    Case(
        'some unlabelled training images without a teacher',
        'train',
        'train_dataloader: the images of data/train have no labels: give '
        "labelled ones (with_label=True, split='val'); to learn from a teacher",
        lambda w: (semi(w), alone(w)),
    ),
    Case(
        'a list without any label',
        'train',
        'train_dataloader: the images of data/train.txt have no labels: give ',
        listed('cat/0.png -1\ndog/0.png -1\nfox/0.png -1\nfox/1.png -1\n'),
    ),
    Case(
        'a list with -1 without a teacher',
        'train',
        "data/train.txt, line 2: 'dog/0.png -1' has the label -1: labels are "
        '0 to 2',
        lambda w: (
            listed(GOOD.replace('dog/0.png 1', 'dog/0.png -1'))(w),
            alone(w),
        ),
    ),
    Case(
        'unlabelled validation images',
        'train',
        'val_dataloader: the images of data/val have no labels: give '
        "labelled ones (with_label=True, split='val')",
        lambda w: (unlabelled('val')(w), taught(w, 'alpha=1')),
    ),
    Case(
        'unlabelled images, and no folders of classes in val',
        'train',
        'num_classes is None and train_dataloader has no folders of classes '
        'to count: set num_classes or its data_root',
        lambda w: (
            unlabelled('train')(w),
            taught(w, 'alpha=1'),
            w.configure("num_classes = None\nval_dataloader['dataset']"
                        "['with_label'] = False"),
        ),
    ),
    Case(
        'the unlabelled folder has no images',
        'train',
        'data/train has no images, but files ending in .txt: 1 (a.txt); read '
        'are ',
        lambda w: (
            unlabelled('train')(w),
            taught(w, 'alpha=1'),
            w.remove('data/train'),
            w.write('data/train/a.txt', 'a'),
        ),
    ),
    Case(
        'unlabelled training images, teacher check',
        'check',
        'train_dataloader: the images of data/train have no labels: give '
        "labelled ones (with_label=True, split='val')",
        unlabelled('train'),
    ),
    # several labels
    Case(
        'a list of annotations with labels beyond K',
        'train',
        'data/a.json, image 1: data/train/cat/1.png has the label 5: labels '
        'are 0 to 2, correct it or num_classes',
        annotated(
            '{"metainfo": {"classes": ["cat", "dog", "fox"]}, "data_list": '
            '[{"img_path": "cat/0.png", "gt_label": 0}, {"img_path": '
            '"cat/1.png", "gt_label": 5}]}'
        ),
    ),
    Case(
        'a list of annotations that is no JSON',
        'train',
        'data/a.json is no complete JSON: it does not end in a bracket; '
        'write or fetch it again',
        annotated('{"metainfo": '),
    ),
    Case(
        'a list of annotations with a fault in the middle',
        'train',
        "data/a.json: Expecting ':' delimiter: line 1 column 37",
        annotated('{"metainfo": {}, "data_list": [{"a" 1}]}'),
    ),
    Case(
        'an annotation without an image',
        'train',
        "data/a.json: raw_data_info: {'gt_label': 0} dose not contain prefix",
        annotated('{"metainfo": {}, "data_list": [{"gt_label": 0}]}'),
    ),
    Case(
        'no image of a list that is read',
        'train --cfg-options train_dataloader.dataset.indices=0',
        'data/train: no images in it',
    ),
    Case(
        'a .mat that is damaged',
        'train',
        'data/c/cars_annos.mat: ',
        lambda w: (
            w.write('data/c/cars_annos.mat', b'xx'),
            w.configure(
                "train_dataloader['dataset'] = dict(type='StanfordCars', "
                "data_root='data/c', split='train', pipeline=train_pipeline)\n"
                'num_classes = 196'
            ),
        ),
    ),
    Case(
        'images of several sizes',
        'train --cfg-options train_dataloader.batch_size=9',
        'the images of a batch have several sizes ([3, 8, 8], [3, 9, 9]): add',
        lambda w: cv2.imwrite(
            str(w / 'data/train/fox/2.png'), np.zeros((9, 9, 3))),
    ),
    Case(
        'a list of annotations of another kind',
        'train',
        "data/a.json has no 'metainfo': a list for this dataset is "
        '{"metainfo": {}, "data_list": [...]}',
        annotated('[1, 2]'),
    ),
    # code
    Case(
        'a pickled list with code',
        'train',
        'data/a.pkl cannot be read safely (it asks for posix.system, which '
        'could',
        encoded('a.pkl', b"cposix\nsystem\n(S'touch canary'\ntR."),
    ),
    Case(
        'a YAML list with code',
        'train',
        'data/a.yaml, line 1: not plain YAML (',
        encoded('a.yaml', b"!!python/object/apply:os.system ['touch canary']"),
    ),
    Case(
        'a YAML config with code',
        'train',
        'config.py: ',
        lambda w: (
            w.write(
                'base.yaml',
                "model: !!python/object/apply:os.system ['touch canary']",
            ),
            w.configure("_base_ = 'base.yaml'"),
        ),
    ),
]


@pytest.mark.parametrize('case', CASES, ids=lambda case: case.name)
def test_bad_data(world, case):
    run(world, case)
    assert not (world / 'canary').exists()


@DATASETS.register_module()
class PairDataset(Dataset):
    """Image and label, as in torchvision."""

    def __len__(self):
        return 9

    def __getitem__(self, index):
        return np.zeros((3, 8, 8), np.float32), 0


def test_samples_that_are_no_dicts(world):
    run(
        world,
        Case(
            'samples are no dicts',
            'train',
            'a sample of PairDataset is a tuple, and views are added to dicts: '
            'end its pipeline by mmdeit.PackInputs',
            lambda w: w.configure(
                "train_dataloader['dataset'] = dict(type='PairDataset')\n"
                'num_classes = 3'),
        ),
    )


def test_resume_with_other_classes(world):
    run_tool(*TOOLS['train'].split())
    for split in SPLITS:
        world.move(f'data/{split}/fox', f'data/{split}/elk')
    run(
        world,
        Case(
            'resume with other classes',
            'train --resume --cfg-options train_cfg.max_epochs=3',
            f'{world.root}/work_dirs/config/epoch_2.pth: it was trained on '
            "other classes: the data lacks 'fox' and has 'elk' besides: give",
        ),
    )
