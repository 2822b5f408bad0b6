"""What is wrong with the data is one line of every tool, before it starts."""
import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from mmengine.config import Config
from mmengine.registry import MODELS
from PIL import Image

from tests.conftest import STUDENT, TEACHER
from tests.tools import run_tool

CLASSES = ('cat', 'dog', 'horse')
PIPELINE = [
    dict(type='mmdeit.LoadImageFromFile', color_type='grayscale'),
    dict(type='PackInputs')
]


def make_config(root):
    """A distillation of one epoch on folders of classes in ``root/data``."""

    def loader(split):
        return dict(
            batch_size=2,
            dataset=dict(
                type='mmdeit.CustomDataset', data_root=str(root / 'data'),
                data_prefix=split, pipeline=PIPELINE),
            sampler=dict(type='DefaultSampler', shuffle=False))

    metric = dict(type='mmdeit.HeadsAccuracy', topk=(1, ))
    teacher = dict(type='mmdeit.Teacher', model=TEACHER,
                   checkpoint=str(root / 'teacher.pth'))
    return Config(dict(
        default_scope='mmpretrain', num_classes=None, model=STUDENT,
        train_dataloader=loader('train'),
        val_dataloader=loader('val'),
        test_dataloader=loader('val'),
        val_evaluator=metric, test_evaluator=metric,
        optim_wrapper=dict(optimizer=dict(type='SGD', lr=0.)),
        train_cfg=dict(by_epoch=True, max_epochs=1), val_cfg={}, test_cfg={},
        default_hooks=dict(
            checkpoint=dict(type='mmdeit.CheckpointHook'),
            teacher=dict(type='mmdeit.TeacherHook', teacher=teacher,
                         preflight=0))))


@pytest.fixture(scope='module')
def trained(tmp_path_factory):
    """Folders, config, teacher and a checkpoint of their training."""
    root = tmp_path_factory.mktemp('trained')
    for split in ('train', 'val'):
        for name in CLASSES:
            folder = root / 'data' / split / name
            folder.mkdir(parents=True)
            for i in range(2):
                Image.fromarray(np.full((8, 8), 99, np.uint8)).save(
                    folder / f'{i}.png')
    cfg = make_config(root)
    teacher = MODELS.build(dict(
        TEACHER, _scope_='mmpretrain',
        head=dict(TEACHER['head'], num_classes=3)))
    torch.save(dict(state_dict=teacher.state_dict()), root / 'teacher.pth')
    cfg.dump(root / 'cfg.py')
    run_tool('tools/train.py', root / 'cfg.py', '--work-dir', root / 'work')
    return root


@pytest.fixture
def root(trained, tmp_path):
    """A copy to spoil."""
    shutil.copytree(trained, tmp_path / 'root')
    make_config(tmp_path / 'root').dump(tmp_path / 'root/cfg.py')
    return tmp_path / 'root'


def command(tool, root):
    file = root / 'work/epoch_1.pth'
    return {
        'train': ['tools/train.py', root / 'cfg.py'],
        'resume': ['tools/train.py', root / 'cfg.py', '--resume', file],
        'test': ['tools/test.py', root / 'cfg.py', file],
        'check': ['tools/analysis_tools/check_teacher.py', root / 'cfg.py'],
        'agree': ['tools/analysis_tools/analyze_agreement.py', root / 'cfg.py',
                  file, '--out', root / 'out'],
        'bench': ['tools/analysis_tools/benchmark_train.py', root / 'cfg.py',
                  '--iters', '1', '--warmup', '0'],
    }[tool]


TOOLS = ('train', 'test', 'check', 'agree', 'bench')
# The last one builds its data in a process of its own, which takes a while.
BUILDING = TOOLS[:4]


def refusal(tool, root, *options):
    """The one line that a tool ends with."""
    work = [] if tool == 'bench' else ['--work-dir', root / 'new']
    options = ['--cfg-options', *options] if options else []
    output = run_tool(*command(tool, root), *work, *options, code=1)
    assert 'Traceback' not in output
    errors = [line for line in output.splitlines() if 'error: ' in line]
    assert len(errors) == 1 and errors[0] == output.splitlines()[-1], output
    assert 'Epoch(' not in output
    return errors[0].replace(str(root), 'ROOT')


def move(root, source, target):
    (root / 'data' / source).rename(root / 'data' / target)


def drop(root):
    shutil.rmtree(root / 'data/val/dog')


LACKS = ("ROOT/data/val lacks 'dog', compared with train_dataloader: "
         'ROOT/data/train: rename the folders, add an empty one for a class')


@pytest.mark.parametrize('tool, change, line', [
    *((tool, drop, LACKS) for tool in TOOLS),
    ('train', lambda root: move(root, 'val/dog', 'val/Dog'),
     "ROOT/data/val lacks 'dog' (nearest is 'Dog') and has 'Dog' (nearest is "
     "'dog') besides, compared with"),
    ('test', lambda root: (root / 'data/val/ape').mkdir(),
     "ROOT/data/val has 'ape' besides, compared with"),
])
def test_folders_of_val(root, tool, change, line):
    change(root)
    error = refusal(tool, root)
    assert error.startswith('error: val_dataloader: ' + line)


@pytest.mark.parametrize('tool', ['train', 'test'])
def test_one_class(root, tool):
    for name in ('dog', 'horse'):
        shutil.rmtree(root / 'data/train' / name)
    assert refusal(tool, root) == (
        'error: num_classes is 1, and a softmax over one class learns '
        'nothing: give images of at least two classes')


def write_list(root, content):
    (root / 'data/list').write_bytes(content)


BEYOND = (", line 2: 'train/dog/0.png 3' has the label 3: labels are 0 to 2, "
          'correct it or num_classes')
LIST = b'train/cat/0.png 0\ntrain/dog/0.png '
USE_LIST = [f'{split}_dataloader.dataset.{key}={value}'
            for split in ('train', 'val', 'test')
            for key, value in (('data_prefix', '""'), ('ann_file', 'list'),
                               ('classes', 'cat,dog,horse'))]


@pytest.mark.parametrize('tool, content, line', [
    *((tool, LIST + b'3', BEYOND) for tool in TOOLS),
    ('train', (LIST + b'1').decode().encode('utf-16'),
     ', line 1: the file is UTF-16'),
])
def test_lists(root, tool, content, line):
    write_list(root, content)
    assert refusal(tool, root, *USE_LIST, 'num_classes=3').startswith(
        f'error: ROOT/data/list{line}')


@pytest.mark.parametrize('tool', BUILDING)
@pytest.mark.parametrize('content, line', [
    (b'train/cat/0.png 0\ntrain/dog/9.png 1',
     'ROOT/data/train/dog/9.png of ROOT/data/list does not exist: correct the'),
    (b'train/cat/0.png\ntrain/dog/0.png', 'the images of ROOT/data/list have '
     'no labels: give labelled ones (with_label=True'),
])
def test_built_lists(root, tool, content, line):
    write_list(root, content)
    options = [*USE_LIST, 'num_classes=3']
    if b' ' not in content:
        options += [f'{split}_dataloader.dataset.with_label=False'
                    for split in ('train', 'val', 'test')]
    name = 'test' if tool in ('test', 'agree') else 'train'
    assert refusal(tool, root, *options).startswith(
        f'error: {name}_dataloader: {line}')


@pytest.mark.parametrize('tool', BUILDING)
def test_labels_of_json(root, tool):
    (root / 'data/a.json').write_text(json.dumps(dict(
        metainfo=dict(classes=CLASSES),
        data_list=[dict(img_path='cat/0.png', gt_label=0),
                   dict(img_path='cat/1.png', gt_label=-1)])))
    options = [f'{split}_dataloader.dataset.{key}' for split in (
        'train', 'val', 'test') for key in (
            'type=BaseDataset', 'ann_file=a.json', 'data_prefix=train')]
    assert refusal(tool, root, *options, 'num_classes=3').startswith(
        'error: ROOT/data/a.json, image 1: ROOT/data/train/cat/1.png has the '
        'label -1: labels are 0 to 2')


@pytest.mark.parametrize('tool', ['resume', 'test'])
def test_a_checkpoint_of_other_classes(root, tool):
    for split in ('train', 'val'):
        move(root, f'{split}/cat', f'{split}/zebra')
    assert refusal(tool, root) == (
        'error: ROOT/work/epoch_1.pth: it was trained on other classes: the '
        "data lacks 'cat' and has 'zebra' besides: give the data of the "
        'checkpoint, or where the same are only called otherwise, its names '
        'by classes=[...] of the dataset')


def test_predictions_without_labels(root):
    """As the message of an unlabelled test set says."""
    options = ['--cfg-options', 'test_dataloader.dataset.with_label=False']
    run_tool(*command('test', root), '--work-dir', root / 'new', '--out',
             root / 'p.pkl', *options, 'test_evaluator=[]')
    assert Path(root / 'p.pkl').stat().st_size


def test_what_is_not_read_is_said_once(root):
    (root / 'data/train/.ipynb_checkpoints').mkdir()
    (root / 'data/train/cat/a.webp').touch()
    (root / 'data/val/cat/b.jpg').symlink_to('nowhere')
    output = run_tool(*command('train', root), '--work-dir', root / 'new')
    for line in (f'{root}/data/train: besides 6 images there are files ending '
                 'in .webp: 1 (cat/a.webp); read are ',
                 f'{root}/data/val: besides 6 images there are broken links: 1 '
                 '(cat/b.jpg)'):
        assert output.count(line) == 1
