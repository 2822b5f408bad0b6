"""The classes of all datasets are one list, whatever they are read from."""
import numpy as np
import pytest
from mmengine.config import Config
from torch.utils.data import Dataset

from mmdeit.class_names import check_same_classes
from mmdeit.cli import check_data, check_training
from mmdeit.cli.classes import check_class_folders, read_class_files


def make(root, **splits):
    """An image in each folder of a class."""
    for split, names in splits.items():
        for name in names:
            (root / split / name).mkdir(parents=True)
            (root / split / name / 'a.jpg').touch()


def config(root, kind, *splits, wrap=lambda dataset: dataset, **kwargs):
    loaders = {
        f'{split}_dataloader': dict(dataset=wrap(dict(
            type=kind, data_root=str(root), data_prefix=split, **kwargs)))
        for split in splits
    }
    return Config(dict(default_scope='mmpretrain', **loaders))


KINDS = ['CustomDataset', 'mmdeit.CustomDataset']
FIX = ('rename the folders, add an empty one for a class without images, or '
       'give all datasets the same classes=[...]')


@pytest.mark.parametrize('kind', KINDS)
@pytest.mark.parametrize('wrap', [
    lambda dataset: dataset,
    lambda dataset: dict(type='RepeatDataset', times=2, dataset=dataset),
    lambda dataset: dict(type='ConcatDataset', datasets=[dataset]),
])
@pytest.mark.parametrize('split', ['val', 'test'])
def test_other_folders(tmp_path, kind, wrap, split):
    """Also those of the test data, which a training does not read."""
    make(tmp_path, train='abc', **{split: 'ac'})
    with pytest.raises(ValueError) as error:
        check_data(config(tmp_path, kind, 'train', split, wrap=wrap),
                   'train_dataloader')
    assert str(error.value) == (
        f"{split}_dataloader: {tmp_path / split} lacks 'b', compared with "
        f'train_dataloader: {tmp_path / "train"}: {FIX}')


@pytest.mark.parametrize('where', ['classes', 'metainfo'])
def test_a_file_of_classes(tmp_path, where):
    file = tmp_path / 'classes.txt'
    file.write_bytes(b'cat \r\nbig dog\r\n\r\n')
    given = dict(classes=str(file))
    cfg = config(tmp_path, 'CustomDataset', 'train', **(
        dict(metainfo=given) if where == 'metainfo' else given))
    read_class_files(cfg)
    dataset = cfg.train_dataloader.dataset
    read = dataset.metainfo if where == 'metainfo' else dataset
    assert read.classes == ['cat', 'big dog']


def test_classes_in_an_array():
    """As a pickled list may have them."""
    train, val = Dataset(), Dataset()
    train.metainfo = dict(classes=np.array(['a', 'b']))
    val.metainfo = dict(classes=('a', 'b'))
    check_same_classes(dict(train_dataloader=train, val_dataloader=val))


@pytest.mark.parametrize('kind', KINDS)
def test_the_same_folders(tmp_path, kind):
    make(tmp_path, train='abc', val='abc')
    cfg = config(tmp_path, kind, 'train', 'val', 'test')  # no folder of tests
    check_data(cfg, 'train_dataloader', 'val_dataloader')


@pytest.mark.parametrize('kind', ['CustomDataset', 'ImageNet'])
@pytest.mark.parametrize('name', ['.ipynb_checkpoints', '__MACOSX'])
def test_hidden_folders_of_mmpretrains_datasets(tmp_path, kind, name):
    make(tmp_path, train=['a', 'b', name])
    cfg = config(tmp_path, kind, 'train', classes=['a', 'b'])
    with pytest.raises(ValueError, match='train has a hidden folder, which '
                       'would shift the labels: set the dataset\'s type='
                       f"'mmdeit.{kind}'$"):
        check_class_folders(cfg)
    check_class_folders(config(tmp_path, f'mmdeit.{kind}', 'train',
                               classes=['a', 'b']))


def test_classes_given(tmp_path):
    """By name, a class may have no folder; mmpretrain's dataset counts."""
    make(tmp_path, train='abc', val='ac')
    splits, classes = ('train', 'val'), ['c', 'b', 'a']
    check_class_folders(config(tmp_path, KINDS[1], *splits, classes=classes))
    with pytest.raises(ValueError, match="train has folders in another order "
                       "than classes, .*'mmdeit.CustomDataset'"):
        check_class_folders(config(tmp_path, KINDS[0], *splits,
                                   metainfo=dict(classes=classes)))


@pytest.mark.parametrize('kind', KINDS)
def test_numbers_as_classes(tmp_path, kind):
    """As --cfg-options reads them."""
    make(tmp_path, train='012')
    check_class_folders(config(tmp_path, kind, 'train', classes=[0, 1, 2]))


@pytest.mark.parametrize('kind', KINDS)
def test_splits_are_no_classes(tmp_path, kind):
    make(tmp_path, train='ab', val='ab')
    cfg = config(tmp_path, kind, 'train')
    cfg.train_dataloader.dataset.data_prefix = ''
    with pytest.raises(ValueError, match="has the folders 'train' and 'val', "
                       'which are no classes: set data_prefix'):
        check_class_folders(cfg)


def test_names_that_are_not_the_folders(tmp_path):
    """As ImageNet's: the folders have to agree too."""
    make(tmp_path, train=['n1', 'n2'], val=['n1', 'n2'], test=['n1', 'n3'])
    names = dict(classes=['tench', 'goldfish'])
    for kind in (*KINDS, 'ImageNet', 'mmdeit.ImageNet'):
        check_class_folders(config(tmp_path, kind, 'train', 'val', **names))
        with pytest.raises(ValueError, match="test lacks 'n2' and has 'n3' "):
            check_class_folders(config(tmp_path, kind, 'train', 'test',
                                       **names))


@pytest.mark.parametrize('change', [
    dict(with_label=False), dict(ann_file='list.txt'),
    dict(data_prefix='s3://bucket')])
def test_what_has_no_folders_of_classes(tmp_path, change):
    make(tmp_path, train='abc', val='ac')
    cfg = config(tmp_path, KINDS[1], 'train', 'val')
    cfg.val_dataloader.dataset.update(change)
    check_class_folders(cfg)


def test_before_training(cfg, build_runner):
    runner = build_runner(cfg)
    runner.val_loop.dataloader.dataset.metainfo = dict(classes=tuple('abdc'))
    with pytest.raises(ValueError, match='val_dataloader has another order'):
        check_training(runner)
