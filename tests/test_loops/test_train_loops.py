"""Trainings on a stream of views: passes, resumes, and what they refuse."""
import json
from collections import Counter
from copy import deepcopy
from pathlib import Path

import pytest
import torch
from mmengine.registry import DATASETS, RUNNERS
from mmpretrain.datasets import CustomDataset

from tests.pictures import augmented, write_pictures
from tests.recipe import BATCH, RecordViewsHook, assert_ends_alike, recipe


@DATASETS.register_module()
class CountedDataset(CustomDataset):
    """Counts how often its images are asked for."""
    reads = Counter()

    def __getitem__(self, index):
        self.reads[index] += 1
        return super().__getitem__(index)


@pytest.fixture(scope='module')
def folder(tmp_path_factory):
    return write_pictures(tmp_path_factory.mktemp('pictures'), 48)


@pytest.fixture
def train(tmp_path, build_runner):
    """Train, and return the Runner and what its model was given."""

    def run(cfg, name='work', resume=None):
        cfg = deepcopy(cfg)
        cfg.work_dir = str(tmp_path / name)
        if resume:
            cfg.load_from, cfg.resume = str(resume), True
        runner = build_runner(cfg)
        record = RecordViewsHook()
        runner.register_hook(record)
        CountedDataset.reads.clear()
        runner.train()
        return runner, record

    return run


def log_lines(runner):
    """The numbers that were logged, line by line."""
    file, = Path(runner.log_dir).glob('vis_data/scalars.json')
    return [json.loads(line) for line in file.read_text().splitlines()]


# Passes

@pytest.fixture(params=['epochs', 'iterations'])
def loop(request):
    return dict(
        epochs=dict(type='mmdeit.EpochBasedTrainLoop', max_epochs=3),
        iterations=dict(type='mmdeit.IterBasedTrainLoop', max_iters=9,
                        val_interval=100))[request.param]


@pytest.mark.parametrize('batch_size, passes', [(8, 2), (4, 4)])
def test_passes_are_one_step(batch_size, passes, loop, folder, train):
    """They change neither what the model is given nor what it learns."""
    # Stochastic depth is drawn for each pass.
    cfg = recipe(folder, drop_path_rate=0., train_cfg=loop)
    usual, whole = train(cfg, 'whole')
    cfg.train_dataloader.batch_size = batch_size
    runner, parts = train(cfg, 'parts')

    assert runner.train_loop.plan.passes == passes
    assert len(whole.views) == 9 * BATCH
    assert_same_views(parts.views, whole.views)
    assert parts.losses == pytest.approx(whole.losses, rel=1e-6)

    # Everything counts iterations.
    assert runner.iter == len(parts.losses) == 9
    steps = {int(state['step']) for state in
             runner.optim_wrapper.optimizer.state.values()}
    assert steps == {9}
    average, = (hook.ema_model for hook in runner.hooks
                if hasattr(hook, 'ema_model'))
    assert average.steps == 9
    lines = log_lines(runner)
    assert [line['step'] for line in lines] == [*range(1, 10)]
    means = torch.tensor(parts.losses).cumsum(0) / torch.arange(1, 10)
    assert [line['loss'] for line in lines] == pytest.approx(
        means.tolist(), rel=1e-6)
    rates = [line['lr'] for line in lines]
    assert rates == [line['lr'] for line in log_lines(usual)]
    assert len(set(rates[:4])) == 4  # a warm-up, step by step


def assert_same_views(found, expected):
    assert found.keys() == expected.keys()
    for view, values in found.items():
        for value, other in zip(values, expected[view], strict=True):
            assert torch.equal(value, other), view


def test_views_are_mixed(folder, train):
    """Or all of this would prove little."""
    cfg = recipe(folder)
    cfg.train_cfg.max_epochs = 1
    _, record = train(cfg)
    shares = [float(mixed.max()) for _, _, mixed in record.views.values()]
    groups = [shares[i:i + BATCH][j::4] for i in (0, 16, 32)
              for j in range(4)]
    assert len({round(group[0], 4) for group in groups}) > 8


def test_stochastic_depth_is_a_function_of_the_pass(folder, train, tmp_path):
    """What was drawn before it does not matter."""
    cfg = recipe(folder, drop_path_rate=0.5)
    cfg.train_cfg.max_epochs = 1
    # Or the views would leave this process's generators as they do.
    cfg.train_dataloader.num_workers = 1
    _, whole = train(cfg, 'whole')
    _, rest = train(cfg, 'rest', tmp_path / 'whole/iter_1.pth')
    assert rest.losses == whole.losses[1:]
    cfg.model.backbone.drop_path_rate = 0.
    _, none = train(cfg, 'none')
    assert none.losses[0] != whole.losses[0]


# Resuming

SAMPLERS = dict(
    repeated=dict(type='mmdeit.RepeatAugSampler'),
    infinite=dict(type='InfiniteSampler'))


@pytest.mark.parametrize('loop, sampler', [
    ('epochs', 'repeated'), ('iterations', 'repeated'),
    ('iterations', 'infinite')], indirect=['loop'])
def test_resumed_at_any_iteration(sampler, loop, folder, train, tmp_path):
    """Bit for bit as if it had never ended; no image is read to be dropped."""
    cfg = recipe(folder, train_cfg=loop)
    cfg.train_dataloader.dataset.type = 'CountedDataset'
    cfg.train_dataloader.sampler = SAMPLERS[sampler]
    _, whole = train(cfg, 'whole')
    assert CountedDataset.reads.total() == 9 * BATCH
    for done in (1, 3, 4, 8):  # an epoch has three iterations
        _, rest = train(cfg, f'from-{done}',
                        tmp_path / f'whole/iter_{done}.pth')
        assert CountedDataset.reads.total() == (9 - done) * BATCH
        assert rest.losses == whole.losses[done:]
        assert_ends_alike(tmp_path / f'from-{done}/iter_9.pth',
                          tmp_path / 'whole/iter_9.pth')


def test_resumed_with_other_passes(folder, train, tmp_path):
    """As on a GPU of another size, in the middle of an epoch."""
    cfg = recipe(folder, drop_path_rate=0.)
    _, whole = train(cfg, 'whole')
    cfg.train_dataloader.update(batch_size=4, num_workers=2)
    _, rest = train(cfg, 'rest', tmp_path / 'whole/iter_4.pth')
    assert_same_views(rest.views, dict([*whole.views.items()][4 * BATCH:]))
    assert rest.losses == pytest.approx(whole.losses[4:], rel=1e-6)


@pytest.mark.parametrize('kept, done', [
    (20, 5), (40, 5),
    (40, 4),  # as many as an epoch of now has after its first
])
def test_resumed_with_other_images(kept, done, folder, train, tmp_path):
    """There is no middle of an epoch to go on from."""
    cfg = recipe(folder)
    cfg.train_cfg.max_epochs = 2
    train(cfg, 'whole')
    cfg.train_dataloader.dataset.indices = kept
    cfg.train_cfg.max_epochs = 3
    runner, rest = train(cfg, 'rest', tmp_path / f'whole/iter_{done}.pth')
    length = kept // BATCH
    assert (f'Resumed after 1 epochs and {done} iterations, of which an epoch '
            f'has {length}: the images or the batch have changed, and epoch 2 '
            'starts from its beginning') in logged(runner)
    assert len(rest.losses) == 2 * length
    assert min(rest.views)[1:] == (1, 0)
    # It is resumed in its turn.
    last = 3 * length - 1
    _, again = train(cfg, 'again', tmp_path / f'rest/iter_{last}.pth')
    assert again.losses == rest.losses[-1:]


def test_resumed_with_more_images(folder, train, tmp_path):
    """After an epoch that has fewer iterations than one has now."""
    cfg = recipe(folder)
    cfg.train_dataloader.dataset.indices = 20
    train(cfg, 'whole')
    del cfg.train_dataloader.dataset['indices']
    runner, rest = train(cfg, 'rest', tmp_path / 'whole/iter_2.pth')
    assert 'epoch 2 starts from its beginning' in logged(runner)
    assert len(rest.losses) == 2 * 3
    assert min(rest.views)[1:] == (1, 0)


def test_resumed_with_another_batch(folder, train, tmp_path):
    """After one epoch of three iterations, which would be two of one."""
    cfg = recipe(folder)
    cfg.train_cfg.max_epochs = 1
    train(cfg, 'whole')
    cfg.auto_scale_lr.base_batch_size = 48
    cfg.train_cfg.max_epochs = 4
    runner, rest = train(cfg, 'rest', tmp_path / 'whole/iter_3.pth')
    assert 'epoch 1 starts from its beginning' in logged(runner)
    assert len(rest.losses) == 4

    # Its own checkpoints go on where they are.
    runner, again = train(cfg, 'again', tmp_path / 'rest/iter_2.pth')
    assert 'from its beginning' not in logged(runner)
    assert again.losses == rest.losses[2:]


def logged(runner):
    file, = Path(runner.log_dir).glob('*.log')
    return file.read_text()


# Errors

@pytest.mark.parametrize('change, message', [
    (dict(train_dataloader=dict(batch_sampler=dict(
        type='BatchSampler', drop_last=True))),
     'train_dataloader.batch_sampler puts views into an order of its own: '
     "leave it out, or take train_cfg.type='mmengine.EpochBasedTrainLoop'"),
    (dict(auto_scale_lr=dict(enable=True),
          optim_wrapper=dict(accumulative_counts=2)),
     'auto_scale_lr knows nothing of accumulative_counts: leave one of the two '
     'out'),
    (dict(optim_wrapper=dict(accumulative_counts=2)),
     '1 processes x 2 passes (accumulative_counts) x batch_size 16 are 32 '
     'images, and the learning rate is for 16: leave accumulative_counts out, '
     'to have it found, or set auto_scale_lr.base_batch_size=32'),
], ids=['batch_sampler', 'auto_scale_lr', 'accumulative_counts'])
def test_what_is_refused(change, message, folder, train):
    cfg = recipe(folder)
    cfg.merge_from_dict(change)
    with pytest.raises(ValueError) as error:
        train(cfg)
    assert message in str(error.value)


def test_a_built_dataloader_is_refused(folder, build_runner, tmp_path):
    cfg = recipe(folder)
    cfg.work_dir = str(tmp_path)
    runner = build_runner(cfg)
    runner._train_dataloader = runner.build_dataloader(
        cfg.train_dataloader, seed=0)
    with pytest.raises(ValueError) as error:
        runner.train()
    assert 'the dataloader is built already' in str(error.value)


def test_another_runner_is_refused(folder, tmp_path):
    cfg = recipe(folder, env_cfg={}, runner_type='FlexibleRunner',
                 strategy=dict(type='SingleDeviceStrategy'))
    cfg.work_dir = str(tmp_path)
    with pytest.raises(ValueError) as error:
        RUNNERS.build(cfg).train()
    assert str(error.value) == (
        'FlexibleRunner builds the model too late for views: leave out '
        "runner_type, or set train_cfg.type='mmengine.EpochBasedTrainLoop'")


@pytest.mark.parametrize('change, views, passes', [
    (dict(auto_scale_lr=dict(enable=True)), 12, 1),
    (dict(auto_scale_lr=None), 12, 1),
    (dict(auto_scale_lr=None, optim_wrapper=dict(accumulative_counts=2)),
     24, 2)], ids=['scaled', 'unsaid', 'accumulated'])
def test_the_batch_of_the_config(change, views, passes, folder, train):
    """Where no learning rate says how large an iteration is."""
    cfg = recipe(folder)
    cfg.merge_from_dict(change)
    cfg.train_dataloader.batch_size = 12
    cfg.train_cfg.max_epochs = 1
    runner, record = train(cfg)
    assert runner.train_loop.plan.passes == passes
    assert len(record.losses) == 48 // views
    assert len(record.views) == 48


@pytest.mark.parametrize('batch_size, passes', [(10, 1), (5, 2)])
def test_an_epoch_has_whole_batches(batch_size, passes, folder, train):
    """Or it would be longer where a process has one pass."""
    cfg = recipe(folder, auto_scale_lr=dict(base_batch_size=10))
    cfg.train_dataloader.update(batch_size=batch_size, drop_last=False)
    cfg.model.data_preprocessor.group_size = 5
    cfg.train_cfg.max_epochs = 1
    runner, record = train(cfg)
    assert runner.train_loop.plan.passes == passes
    assert len(record.losses) == 4 and len(record.views) == 40


# Other models

def test_other_preprocessors_do_not_get_views(cfg, build_runner, monkeypatch):
    """mmpretrain's, whose models take what they know as keywords."""
    cfg.train_cfg = dict(type='mmdeit.EpochBasedTrainLoop', max_epochs=1)
    runner = build_runner(cfg)
    seen = []
    forward = runner.model.data_preprocessor.forward
    monkeypatch.setattr(
        runner.model.data_preprocessor, 'forward',
        lambda data, training=False: seen.append(
            (training, {*data})) or forward(data, training))
    runner.train()
    assert type(runner.model.data_preprocessor).__module__.startswith(
        'mmpretrain')
    assert [keys for training, keys in seen if training] == 4 * [
        {'inputs', 'data_samples'}]


def test_mmpretrains_dataset_trains_in_passes(cfg, build_runner):
    """Its DataSamples are lists, which are cut as tensors are."""
    del cfg.train_dataloader['collate_fn']
    cfg.auto_scale_lr = dict(base_batch_size=8)
    cfg.train_cfg = dict(type='mmdeit.EpochBasedTrainLoop', max_epochs=1)
    cfg.train_dataloader.batch_size = 2
    runner = build_runner(cfg)
    runner.train()
    assert runner.train_loop.plan.passes == 4
    assert runner.iter == 2


def test_pictures_are_augmented(folder):
    """The datasets of these tests draw what the recipe's do."""
    names = [step['type'] for step in augmented(folder)['pipeline']]
    assert names[1:5] == [
        'mmdeit.RandomResizedCrop', 'mmdeit.RandomFlip', 'mmdeit.RandAugment',
        'mmdeit.RandomErasing']
