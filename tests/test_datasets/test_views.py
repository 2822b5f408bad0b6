"""What a view is depends on nothing but its place in the stream."""
import pickle
from collections import Counter
from hashlib import sha256
from itertools import islice
from types import SimpleNamespace

import mmcv
import pytest
import torch
from mmcv.transforms import BaseTransform
from mmengine.registry import DATASETS, TRANSFORMS
from mmengine.runner import Runner
from mmpretrain.engine import SwitchRecipeHook

from mmdeit.datasets import load_image
from mmdeit.datasets.views import View, ViewDataset, ViewSampler
from mmdeit.loops.batch_plan import BatchPlan
from mmdeit.loops.view_loop import stream_of_views
from mmdeit.models import BatchMixing
from tests.pictures import augmented, write_pictures
from tests.test_golden.fixture import load

GOLDEN = load('repeated_augmentation')
REPEATED = dict(type='mmdeit.RepeatAugSampler', seed=0)


@TRANSFORMS.register_module()
class Brighten(BaseTransform):
    """Writes into the very array it is given."""

    def transform(self, results):
        results['img'] += 50
        return results


@pytest.fixture(scope='module')
def folder(tmp_path_factory):
    return write_pictures(tmp_path_factory.mktemp('pictures'), 24)


@pytest.fixture
def of_process(monkeypatch):
    """Make this process the one of a rank in a group."""

    def become(rank, world_size):
        for module in ('mmengine.dataset.sampler', 'mmdeit.datasets.views',
                       'mmpretrain.datasets.samplers.repeat_aug'):
            monkeypatch.setattr(f'{module}.get_dist_info',
                                lambda: (rank, world_size))

    return become


def build_loader(dataset, plan=BatchPlan(8, 8, 1), sampler=REPEATED, **others):
    loader = dict(
        dict(num_workers=0, drop_last=True), dataset=dataset, sampler=sampler,
        collate_fn=dict(type='default_collate'), **others)
    return Runner.build_dataloader(stream_of_views(loader, plan), seed=0)


def read(loader, epochs=(0, 1), first=0):
    """All batches of some epochs."""
    batches = []
    for epoch in epochs:
        loader.sampler.start(7, epoch, first)
        batches += loader
    return batches


def assert_equal(batches, expected):
    assert len(batches) == len(expected)
    for batch, other in zip(batches, expected):
        assert batch.keys() == other.keys()
        for key in batch:
            assert torch.equal(batch[key], other[key]), key


# What they are

@pytest.mark.parametrize('workers, persistent', [
    (1, False), (1, True), (4, False), (4, True)])
def test_equal_for_any_workers(workers, persistent, folder):
    expected = read(build_loader(augmented(folder)))
    assert set(expected[0]) == {'inputs', 'labels', 'erased', 'views'}
    assert len(expected) == 2 * 3
    loader = build_loader(augmented(folder), num_workers=workers,
                          persistent_workers=persistent)
    torch.manual_seed(1)  # nor on what was drawn before
    assert_equal(read(loader), expected)
    assert_equal(read(loader, epochs=(1, )), expected[3:])


@pytest.mark.parametrize('workers', [0, 2])
def test_an_epoch_begins_anywhere(workers, folder):
    loader = build_loader(augmented(folder), num_workers=workers)
    assert_equal(read(loader, first=2), [
        batch for i, batch in enumerate(read(loader)) if i % 3 == 2])


def test_only_the_next_iterator_begins_there(of_process):
    """Another reader of the epoch, such as a hook, gets all of it."""
    of_process(0, 1)
    sampler = ViewSampler(range(8), dict(type='DefaultSampler'), 2, 1, True)
    sampler.start(7, 5, 1)
    rest = [*sampler]
    assert len(rest) == 6 and [*sampler][2:] == rest


def test_a_view_is_its_own(folder):
    """Another epoch, position or seed of an image is another view of it."""
    dataset = ViewDataset(augmented(folder))
    first = dataset[View(3, 0, 0, 0)]
    assert_equal([dataset[View(3, 0, 0, 0)]], [first])
    assert first['views'].tolist() == [0, 0, 0]
    for key in ((0, 0, 1), (0, 1, 0), (1, 0, 0)):
        other = dataset[View(3, *key)]
        assert other['views'].tolist() == [*key]
        assert other['labels'] == first['labels']
        assert not torch.equal(other['inputs'], first['inputs'])


def test_no_two_epochs_or_ranks_draw_alike(folder, of_process):
    """On the same image, whose views are told apart by their pixels."""
    dataset = augmented(folder, indices=1)
    seen = Counter()
    for rank in range(2):
        of_process(rank, 2)
        for batch in read(build_loader(
                dict(type='RepeatDataset', dataset=dataset, times=32),
                sampler=dict(type='DefaultSampler'))):
            seen.update(image.numpy().tobytes() for image in batch['inputs'])
    # By chance two small crops may be the same; half of all would be a fault.
    assert seen.total() == 2 * 32 and len(seen) > 2 * 29


def test_seeds_start_new_streams(folder):
    loader = build_loader(augmented(folder), sampler=dict(
        type='DefaultSampler'))
    orders = []
    for seed in (1, 2):
        loader.sampler.start(seed, 0, 0)
        orders.append([view.index for view in loader.sampler])
    assert sorted(orders[0]) == sorted(orders[1]) and orders[0] != orders[1]


def test_a_seed_of_the_sampler_is_kept(folder):
    """As the official order has seed 0 in any training."""
    loader = build_loader(augmented(folder))
    loader.sampler.start(1, 0, 0)
    first = [view.index for view in loader.sampler]
    loader.sampler.start(2, 0, 0)
    assert [view.index for view in loader.sampler] == first


# Whose they are

def wrappers(folder):
    inner = augmented(folder)
    return dict(
        none=inner,
        indices=dict(inner, indices=10),
        lazy=dict(inner, lazy_init=True),
        ConcatDataset=dict(type='ConcatDataset', datasets=[inner, inner]),
        RepeatDataset=dict(type='RepeatDataset', dataset=inner, times=2),
        ClassBalancedDataset=dict(
            type='ClassBalancedDataset', dataset=inner, oversample_thr=0.5),
        KFoldDataset=dict(type='KFoldDataset', dataset=inner, num_splits=3),
        nested=dict(type='RepeatDataset', times=2, dataset=dict(
            type='ConcatDataset', datasets=[inner, dict(inner, indices=5)])))


@pytest.mark.parametrize('name', wrappers(''))
def test_any_dataset_has_views(name, folder):
    cfg = wrappers(folder)[name]
    plain = DATASETS.build(cfg)
    wrapped = ViewDataset(cfg)
    size = len(plain)
    assert len(wrapped) == size
    assert wrapped.metainfo == plain.metainfo
    assert wrapped.get_data_info(size - 1) == plain.get_data_info(size - 1)
    batches = read(build_loader(cfg, num_workers=2), epochs=(0, ))
    assert sum(len(batch['views']) for batch in batches) == size // 8 * 8
    sampler = ViewSampler(plain, dict(REPEATED), 8, 1, drop_last=True).sampler
    indices = islice(sampler, 8)
    for i, index in enumerate(indices):
        sample = wrapped[View(index, 7, 0, i)]
        assert sample['labels'] == plain.get_data_info(index)['gt_label']
        for key, value in sample.items():
            assert torch.equal(value, batches[0][key][i]), key


def test_a_plain_index_is_passed_on(folder):
    dataset = ViewDataset(augmented(folder))
    torch.manual_seed(0)
    for sample in (dataset[3], *dataset.__getitems__([3, 4, 3])):
        assert set(sample) == {'inputs', 'labels', 'erased'}
    assert torch.initial_seed() == 0


def test_attributes_are_the_datasets(folder):
    dataset = DATASETS.build(augmented(folder))
    wrapped = ViewDataset(dataset)
    assert wrapped.dataset is dataset
    assert wrapped.CLASSES is dataset.CLASSES
    with pytest.raises(AttributeError, match='nonesuch'):
        wrapped.nonesuch  # noqa: B018


def test_a_pipeline_can_be_switched(folder):
    """By hooks of mmpretrain and mmdet, in the middle of a training."""
    loader = build_loader(augmented(folder))
    SwitchRecipeHook([])._switch_train_pipeline(
        SimpleNamespace(train_loop=SimpleNamespace(dataloader=loader)),
        lambda results: dict(only=torch.tensor(results['gt_label'])))
    assert set(loader.dataset[View(3, 0, 0, 0)]) == {'only', 'views'}
    assert vars(loader.dataset) == dict(dataset=loader.dataset.dataset)


def test_survives_pickling(folder):
    """As on the way to a worker that is not forked."""
    dataset = ViewDataset(augmented(folder))
    copy = pickle.loads(pickle.dumps(dataset))
    view = View(3, 0, 0, 5)
    assert_equal([copy[view]], [dataset[view]])
    assert pickle.loads(pickle.dumps(view)) == view


# Where they are

@pytest.mark.parametrize('passes', [1, 2, 4])
@pytest.mark.parametrize('world_size', [1, 2, 4, 8])
@pytest.mark.parametrize('type_', [
    'mmdeit.RepeatAugSampler', 'DefaultSampler', 'InfiniteSampler'])
def test_processes_and_passes_share_an_iteration(type_, world_size, passes,
                                                 of_process):
    views, group_size, iterations = 192, 6, 2
    groups = views // group_size
    plan = BatchPlan(views, views // world_size, passes, group_size)
    seen = [{} for _ in range(iterations)]  # index of each position
    for rank in range(world_size):
        of_process(rank, world_size)
        sampler = ViewSampler(
            range(512), dict(type=type_), plan.share, passes, drop_last=True)
        sampler.start(0, 3, 0)
        drawn = iter(sampler)
        for i in range(iterations):
            share = [*islice(drawn, plan.share)]
            seen[i] |= {view.position: view.index for view in share}
            for start in range(0, plan.share, plan.pass_size):
                part = share[start:start + plan.pass_size]
                check_pass([view.position for view in part], groups, plan)
    for i, positions in enumerate(seen):
        assert sorted(positions) == [*range(i * views, (i + 1) * views)]
    of_process(0, 1)
    alone = ViewSampler(range(512), dict(type=type_), views, 1, True)
    alone.start(0, 3, 0)
    assert seen[1] == {
        view.position: view.index
        for view in islice(alone, views, 2 * views)}


def check_pass(positions, groups, plan):
    """It has whole groups, which BatchMixing finds, in order."""
    mixing = BatchMixing([dict(type='Mixup', alpha=1.)], num_classes=2,
                         group_size=plan.group_size)
    _, group = mixing.partners(len(positions))
    members = [[position for position, own in zip(positions, group)
                if own == number] for number in range(group.max() + 1)]
    assert len(members) == plan.pass_size // plan.group_size
    for found in members:
        first = found[0]
        assert first % plan.views < groups
        assert found == [*range(first, first - first % groups + plan.views,
                                groups)]


def test_epochs_are_part_of_the_key(of_process):
    of_process(1, 2)
    sampler = ViewSampler(range(8), dict(type='DefaultSampler'), 2, 1, True)
    sampler.start(7, 5, 1)
    assert [view[1:] for view in sampler] == [(7, 5, 5), (7, 5, 7)]
    sampler.start(7, 6, 0)
    assert [view[1:] for view in sampler] == [
        (7, 6, 1), (7, 6, 3), (7, 6, 5), (7, 6, 7)]


@pytest.mark.parametrize('world_size', [1, 2, 4, 8])
def test_the_order_is_the_official_one(world_size, of_process):
    """Whose GPU r of 8 has the positions r, r + 8, ..."""
    cases = {(case['size'], case['epoch'], case['rank']): case
             for case in GOLDEN['cases']
             if case['world_size'] == 8 and 256 <= case['size'] <= 5000}
    for size, epoch in {key[:2] for key in cases}:
        order = {}
        for rank in range(world_size):
            of_process(rank, world_size)
            sampler = ViewSampler(
                range(size), dict(REPEATED), 32 // world_size, 2, True)
            sampler.start(5, epoch, 0)
            order |= {view.position: view.index for view in sampler}
        for rank in (0, 1, 7):
            case = cases[size, epoch, rank]
            indices = [order[i] for i in range(rank, len(order), 8)]
            assert len(indices) == case['length']
            digest = sha256(','.join(map(str, indices)).encode()).hexdigest()
            assert digest == case['sha256']
    assert len(cases) == 5 * 3 * 3


@pytest.mark.parametrize('sampler', [
    dict(type='DefaultSampler'), dict(type='DefaultSampler', round_up=False),
    dict(type='RepeatAugSampler'), dict(type='mmdeit.RepeatAugSampler')],
    ids=lambda cfg: '-'.join(map(str, cfg.values())))
def test_an_epoch_is_as_long_on_any_processes(sampler, of_process):
    for size in (768, 1016, 1017, 1023, 1024, 1025):
        lengths = set()
        for world_size in (1, 2, 4, 8):
            for rank in range(world_size):
                of_process(rank, world_size)
                views = ViewSampler(
                    range(size), dict(sampler), 256 // world_size, 1, True)
                views.start(0, 0, 0)
                assert len(views) <= len([*views])
                lengths.add(len(views) * world_size)
        length, = lengths
        assert length % 256 == 0 and size - length < 2 * 256


# How they are read

@pytest.fixture
def decoded(monkeypatch):
    """The bytes that were decoded."""
    calls = []
    decode = mmcv.imfrombytes

    def counted(content, **kwargs):
        calls.append(content)
        return decode(content, **kwargs)

    monkeypatch.setattr(mmcv, 'imfrombytes', counted)
    return calls


def test_an_image_is_decoded_once_in_a_batch(folder, decoded):
    cfg = augmented(folder)
    cfg['pipeline'].insert(1, dict(type='Brighten'))
    dataset = ViewDataset(cfg)
    # as repeated augmentation deals them out to two passes
    indices = [4, 4, 5, 6, 6, 4, 5, 5, 6, 7]
    views = [View(index, 0, 0, i) for i, index in enumerate(indices)]
    samples = dataset.__getitems__(views)
    assert len(decoded) == len(set(decoded)) == 4
    assert load_image._last is None  # nothing is kept
    alone = [dataset[view] for view in views]
    assert len(decoded) == 4 + len(views)
    assert_equal(samples, alone)
    assert_equal(dataset.__getitems__(views), samples)


def test_each_dataset_has_its_own_loader(folder):
    """The same picture in colour, and in grey."""
    cfg = augmented(folder, indices=1)
    grey = augmented(folder, indices=1)
    grey['pipeline'][0]['color_type'] = 'grayscale'
    grey['pipeline'][3:4] = []  # which is for colours
    dataset = ViewDataset(dict(type='ConcatDataset', datasets=[cfg, grey]))
    views = [View(index, 0, 0, i) for i, index in enumerate((0, 0, 1, 1))]
    assert_equal(dataset.__getitems__(views), [dataset[v] for v in views])


def test_a_batch_of_different_images_is_read_in_order(folder, decoded):
    dataset = ViewDataset(augmented(folder))
    views = [View(index, 0, 0, i) for i, index in enumerate((5, 3, 4))]
    assert_equal(dataset.__getitems__(views), [dataset[v] for v in views])
    assert len(decoded) == 6


def test_nothing_is_kept_after_an_error(folder, tmp_path):
    (tmp_path / 'a').mkdir()
    (tmp_path / 'a/broken.jpg').write_bytes(b'no image')
    dataset = ViewDataset(augmented(tmp_path))
    with pytest.raises(ValueError, match='broken.jpg'):
        dataset.__getitems__([View(0, 0, 0, 0), View(0, 0, 0, 1)])
    assert load_image._last is None
