"""A checkpoint is tested and resumed on the classes it was trained on."""
import numpy as np
import pytest
import torch
from mmengine.registry import DATASETS

from mmdeit.checkpoints import match_classes, saved_classes

from ..conftest import ToyDataset


@DATASETS.register_module()
class NamedDataset(ToyDataset):

    def __init__(self, metainfo):
        self.metainfo = dict(metainfo, sizes=np.ones(2))


def checkpoint(classes):
    return dict(meta=dict(dataset_meta=dict(classes=classes)), state_dict={})


@pytest.mark.parametrize('content', [
    {}, dict(meta=None), dict(meta={}), dict(meta=dict(dataset_meta=None)),
    dict(meta=dict(dataset_meta={})), checkpoint(None), checkpoint(())])
def test_without_names_nothing_is_compared(content):
    assert not saved_classes(content)
    match_classes(content, ('a', 'b'))
    match_classes(checkpoint('ab'), None)


@pytest.mark.parametrize('classes, words', [
    (['a', 'c', 'b'], "the data has another order: class 1 is 'c' instead of "
     "'b'"),
    (['a', 'b', 'd'], "the data lacks 'c' and has 'd' besides"),
    (['n1', 'n2', 'n3'], "the data has none of the names, but 'n1', 'n2', "
     "'n3' instead of 'a', 'b', 'c'"),
])
def test_other_names(classes, words):
    match_classes(checkpoint(('a', 'b', 'c')), ['a', 'b', 'c'])
    with pytest.raises(ValueError) as error:
        match_classes(checkpoint(('a', 'b', 'c')), classes)
    assert str(error.value) == (
        f'it was trained on other classes: {words}: give the data of the '
        'checkpoint, or where the same are only called otherwise, its names '
        'by classes=[...] of the dataset')


def set_metainfo(cfg, **metainfo):
    for split in ('train', 'val', 'test'):
        cfg[f'{split}_dataloader'].dataset = dict(
            type='NamedDataset', metainfo=metainfo)


@pytest.fixture
def trained(cfg, build_runner):
    """The config of a finished training of two epochs, without a teacher."""
    cfg.default_hooks.pop('teacher')
    cfg.model.head.loss.mode = 'none'
    cfg.default_hooks.checkpoint.save_best = 'auto'
    set_metainfo(cfg, classes=['a', 'b', 'c', 'd'], more=dict(e=dict(f=1)))
    build_runner(cfg).train()
    return cfg


def test_checkpoints_carry_names(trained, build_runner, tmp_path):
    files = sorted((tmp_path / 'work').glob('*.pth'))
    assert len(files) == 3 and files[0].name.startswith('best_')
    for file in files:
        content = torch.load(file, weights_only=True)
        assert content['meta']['dataset_meta'] == dict(
            classes=['a', 'b', 'c', 'd'], sizes=[1., 1.], more=dict(e=dict(f=1))
        )
    trained.load_from = str(files[0])
    build_runner(trained).test()

    set_metainfo(trained, classes=['a', 'b', 'd', 'c'])
    trained.train_cfg.max_epochs = 3
    with pytest.raises(ValueError, match=f'{files[0]}: it was trained on other '
                       "classes: the data has another order: class 2 is 'd'"):
        build_runner(trained).test()
    trained.resume = True
    with pytest.raises(ValueError, match='the data has another order'):
        build_runner(trained).train()
    trained.resume = False  # the start of another training
    build_runner(trained).train()
