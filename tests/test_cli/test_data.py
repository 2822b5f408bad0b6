"""Folders, lists and labels are sound before anything runs."""
import json
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from mmengine.config import Config
from mmengine.dataset import ConcatDataset
from mmengine.registry import DATASETS

from mmdeit.cli import check_data, check_datasets
from mmdeit.cli.data import check_images
from mmdeit.models import DistillationLoss

from .test_checks import PipelineDataset


def data_cfg(root, wrap=lambda dataset: dataset, **dataset):
    dataset = dict(data_root=str(root), **dataset)
    return Config(dict(train_dataloader=dict(dataset=wrap(dataset))))


@pytest.fixture
def root(tmp_path):
    """A folder with one image."""
    (tmp_path / 'train').mkdir()
    (tmp_path / 'train/a.jpg').touch()
    return tmp_path


@pytest.mark.parametrize('wrap', [
    lambda dataset: dataset,
    lambda dataset: dict(type='RepeatDataset', times=2, dataset=dataset),
    lambda dataset: dict(type='ConcatDataset', datasets=[dataset]),
])
@pytest.mark.parametrize('name', ['train.txt', 'train.lst', 'train'])
def test_lists_of_images(root, wrap, name):
    (root / 'meta').mkdir()
    (root / 'meta' / name).write_text('a.jpg 0\na.jpg\nb c.jpg 12\n')
    cfg = data_cfg(root, wrap, type='CustomDataset', data_prefix='train',
                   ann_file=f'meta/{name}')
    with pytest.raises(ValueError) as error:
        check_data(cfg, 'train_dataloader')
    assert str(error.value).startswith(str(root / 'meta' / name))
    assert "line 2: 'a.jpg' has no label: write" in str(error.value)


@pytest.mark.parametrize('text', ['a.jpg 0\nb c.jpg 12\n', 'a.jpg 0\r\n'])
def test_good_lists(root, text):
    (root / 'list').write_text(text)
    check_data(data_cfg(root, type='CustomDataset', ann_file='list'),
               'train_dataloader')


def test_lists_without_labels(root):
    (root / 'list').write_text('a.jpg\nb.jpg\n')
    check_data(data_cfg(root, type='CustomDataset', ann_file='list',
                        with_label=False), 'train_dataloader')


@pytest.mark.parametrize('kind', ['ImageNet', 'mmpretrain.ImageNet'])
@pytest.mark.parametrize('split', ['train', 'test'])
def test_only_imagenets_test_images_have_no_labels(root, kind, split):
    for name in ('meta', split):
        (root / name).mkdir(exist_ok=True)
    (root / split / 'a.jpg').touch()
    (root / f'meta/{split}.txt').write_text('a.jpg\n')
    cfg = data_cfg(root, type=kind, split=split)
    if split == 'test':
        check_data(cfg, 'train_dataloader')
    else:
        with pytest.raises(ValueError, match="line 1: 'a.jpg' has no label"):
            check_data(cfg, 'train_dataloader')


def test_other_annotations_are_not_read(root):
    (root / 'a.json').write_text('[]\n')
    check_data(data_cfg(root, type='mmdeit.INaturalist', ann_file='a.json',
                        data_prefix=dict(img='train')), 'train_dataloader')


def test_lists_without_a_data_root(root):
    (root / 'list').write_text('a.jpg\n')
    cfg = data_cfg('', type='CustomDataset', ann_file=str(root / 'list'),
                   data_prefix=str(root / 'train'))
    with pytest.raises(ValueError, match="list, line 1: 'a.jpg' has no label"):
        check_data(cfg, 'train_dataloader')
    cfg.train_dataloader.dataset.data_root = None
    with pytest.raises(ValueError, match="list, line 1: 'a.jpg' has no label"):
        check_data(cfg, 'train_dataloader')


@pytest.mark.parametrize('kind', ['CIFAR10', 'mmpretrain.FashionMNIST'])
def test_missing_data_is_an_error_unless_it_is_fetched(tmp_path, kind):
    root = tmp_path / 'nowhere'
    with pytest.raises(FileNotFoundError, match=f'no data in {root}'):
        check_data(data_cfg(root, type=kind, download=False),
                   'train_dataloader')
    check_data(data_cfg(root, type=kind), 'train_dataloader')


@pytest.mark.parametrize('name, outside', [
    ('a.jpg', False), ('b/../a.jpg', False), ('../a.jpg', True),
    ('/a.jpg', True), ('../train2/a.jpg', True)])
def test_images_of_any_list(root, name, outside):
    """As the official list of Stanford Cars, which is no text."""
    (root / 'train/b').mkdir()
    dataset = json_list(root, entry(), entry(img_path=name))
    if outside:
        with pytest.raises(ValueError, match='a.json, image 1: .* lies outside '
                           'the folder of the images, .*train$'):
            check_images(dataset)
    else:
        check_images(dataset)


def json_list(root, *entries):
    (root / 'a.json').write_text(json.dumps(
        dict(metainfo={}, data_list=list(entries))))
    return DATASETS.build(
        dict(type='mmpretrain.BaseDataset', data_root=str(root),
             ann_file='a.json', data_prefix='train'))


def entry(**kwargs):
    return dict(img_path='a.jpg', gt_label=0) | kwargs


@pytest.mark.parametrize('second, message', [
    (entry(gt_label=3), 'has the label 3: labels are 0 to 2, correct it or '
     'num_classes'),
    (entry(gt_label=-1), 'has the label -1: labels are 0 to 2'),
    (entry(gt_label=1.5), 'has the label 1.5: labels are whole numbers from 0'),
    (entry(gt_label='1'), "has the label '1': labels are whole numbers"),
    (entry(gt_label=None), 'has the label None: labels are whole numbers'),
    (entry(gt_label={}), 'has the label {}: labels are whole numbers'),
    (entry(gt_label=[[1]]), 'has the label [1]: labels are whole numbers'),
    (entry(gt_label=float('nan')), 'has the label nan: labels are whole'),
    (entry(gt_label=[0, 7]), 'has the label 7: labels are 0 to 2'),
    (dict(img_path='a.jpg'), 'has no label'),
])
def test_labels_of_any_list(root, second, message):
    dataset = json_list(root, entry(), second)
    with pytest.raises(ValueError) as error:
        check_images(dataset, 3)
    assert str(error.value).startswith(
        f'{root}/a.json, image 1: {root}/train/a.jpg {message}')
    wrapped = ConcatDataset([dataset])
    with pytest.raises(ValueError, match='image 1'):
        check_images(wrapped, 3)


@pytest.mark.parametrize('label', [2, 2., [0, 2], True])
def test_labels_that_are_classes(root, label):
    check_images(json_list(root, entry(gt_label=label)), 3)


@pytest.mark.parametrize('make', [np.array, torch.tensor, np.int64])
def test_labels_that_are_arrays(make):
    dataset = PipelineDataset(ann_file='')
    dataset.data_list = [dict(gt_label=make(i)) for i in (0, 1, 4)]
    dataset.data_bytes, dataset.data_address = dataset._serialize_data()
    check_images(dataset, 5)
    with pytest.raises(ValueError, match='image 2: .* label 4: .* 0 to 3'):
        check_images(dataset, 4)


def test_files_that_do_not_exist(root):
    """A few are looked for, the first and the last among them."""
    entries = [entry() for _ in range(100)]
    check_images(json_list(root, *entries), 3)
    for place in (0, 99):
        entries[place]['img_path'] = 'b.jpg'
        with pytest.raises(FileNotFoundError, match='val_dataloader: .*/train/'
                           'b.jpg of .*a.json does not exist: correct the'):
            check_images(json_list(root, *entries), 3, 'val_dataloader')
        entries[place]['img_path'] = 'a.jpg'


def test_images_without_labels(root):
    dataset = DATASETS.build(dict(
        type='mmdeit.CustomDataset', data_root=str(root), data_prefix='train',
        with_label=False))
    with pytest.raises(ValueError) as error:
        check_images(dataset, 3, 'test_dataloader')
    assert str(error.value) == (
        f'test_dataloader: the images of {root}/train have no labels: give '
        "labelled ones (with_label=True, split='val'); test.py predicts "
        "without metrics by --out FILE.pkl --cfg-options 'test_evaluator=[]'")
    check_images(dataset, 3, labelled=False)


def test_lists_in_which_some_have_no_label(root, capsys):
    (root / 'list').write_text('a.jpg 0\na.jpg -1\n')
    cfg = data_cfg(root, type='CustomDataset', ann_file='list')
    with pytest.raises(ValueError, match="'a.jpg -1' has the label -1"):
        check_data(cfg, 'train_dataloader')
    cfg.default_hooks = dict(teacher=dict(type='mmdeit.TeacherHook'))
    check_data(cfg, 'train_dataloader')
    assert 'list: 1 of 2 images have no label' in capsys.readouterr().out


def distilling(**loss):
    return SimpleNamespace(head=SimpleNamespace(
        num_classes=3, loss_module=DistillationLoss(**loss)))


@pytest.mark.parametrize('loss, entries, message', [
    (dict(), [entry(gt_label=-1), entry()], None),
    (dict(), [dict(img_path='a.jpg'), entry()], None),
    (dict(), [entry(gt_label=-1), entry(gt_label=-2)], 'has the label -2'),
    (dict(), [entry(gt_label=-1)] * 2, 'train_dataloader: .* have no labels: '
     '.*; to learn from a teacher alone, set alpha=1 and mode='),
    (dict(alpha=1.), [entry(gt_label=-1), dict(img_path='a.jpg')], None),
    (dict(alpha=1.), [entry(gt_label=3)], 'has the label 3'),
    (dict(mode='none'), [entry(), entry(gt_label=-1)], 'image 1: .* label -1'),
    (dict(mode='none', alpha=1.), [dict(img_path='a.jpg')], 'have no labels'),
])
def test_who_needs_labels(root, loss, entries, message):
    datasets = dict(train_dataloader=json_list(root, *entries))
    if message is None:
        check_datasets(datasets, distilling(**loss))
    else:
        with pytest.raises(ValueError, match=message):
            check_datasets(datasets, distilling(**loss))


def test_a_labelled_part_is_enough(root):
    unlabelled = json_list(root, entry(gt_label=-1))
    labelled = json_list(root, entry())
    check_datasets(
        dict(train_dataloader=ConcatDataset([unlabelled, labelled])),
        distilling())
    with pytest.raises(ValueError, match='val_dataloader: .* have no labels'):
        check_datasets(dict(val_dataloader=unlabelled), distilling(alpha=1.))


@pytest.mark.parametrize('content, message', [
    (b'', ' is empty'),
    ('{}'.encode('utf-16'), ', line 1: the file is UTF-16'),
    (b'{"metainfo": {}, "images": []}', " has no 'data_list'"),
    (b'{"metainfo": {}, "data_list": [ ]}', ' lists no images'),
])
def test_damaged_json(root, content, message):
    (root / 'a.json').write_bytes(content)
    with pytest.raises(ValueError) as error:
        check_data(data_cfg(root, type='BaseDataset', ann_file='a.json',
                            data_prefix='train'), 'train_dataloader')
    assert str(error.value).startswith(f'{root}/a.json{message}')


@pytest.mark.parametrize('settings', [
    dict(num_classes=3), dict(model=dict(head=dict(num_classes=3)))])
def test_labels_of_lists(root, settings):
    (root / 'list').write_text('a.jpg 2\na.jpg 3\n')
    cfg = data_cfg(root, type='CustomDataset', ann_file='list')
    cfg.merge_from_dict(settings)
    with pytest.raises(ValueError, match="list, line 2: 'a.jpg 3' has the "
                       'label 3: labels are 0 to 2'):
        check_data(cfg, 'train_dataloader')


def test_a_folder_of_the_user(root, monkeypatch):
    """In data_root mmpretrain leaves ~ as it is."""
    monkeypatch.setenv('HOME', str(root))
    cfg = data_cfg('~', type='CustomDataset', data_prefix='train')
    (root / 'train/a').mkdir()
    check_data(cfg, 'train_dataloader')
    assert cfg.train_dataloader.dataset.data_root == str(root)
