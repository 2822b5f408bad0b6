"""What an iteration costs does not depend on the number of images.

Counted on a CPU: calls of ATen, each a launch on a GPU, and host reads, each a
wait for it.
"""
import pytest
import torch
from mmengine.hooks import Hook
from mmengine.registry import DATASETS
from torch.utils.data import Dataset

from mmdeit.hooks import TeacherHook

from .counting import Counting, apart_from_the_host

LOG_INTERVAL = 4


@DATASETS.register_module()
class ErasedDataset(Dataset):
    """Grey images of 8x8, half to be erased in part, some unlabelled."""
    metainfo = dict(classes=('a', 'b', 'c', 'd'))

    def __init__(self, size):
        self.size = size

    def __len__(self):
        return self.size

    def __getitem__(self, index):
        return dict(
            inputs=torch.full((1, 8, 8), index % 256, dtype=torch.uint8),
            labels=torch.tensor(index % 4 if index % 8 else -1),
            erased=torch.tensor(
                (1, 2, 5, 7, index) if index % 2 else (0, 0, 0, 0, 0)))


class CountHook(Hook):
    """Counts each iteration: all of it, hooks included."""

    def __init__(self):
        self.counts = []

    def before_train(self, runner):
        apart_from_the_host(runner.model.data_preprocessor)
        run_iter = runner.train_loop._run_iter

        def counted(number, batch):
            counting = Counting(runner.optim_wrapper.optimizer, batch)
            with counting:
                run_iter(number, batch)
            self.counts.append(counting)

        runner.train_loop._run_iter = counted


@pytest.fixture
def recipe(cfg):
    """A distillation with all that the recipe has, at a size N."""

    def make(size, mode='hard', passes=1, alpha=0.5):
        cfg.model.data_preprocessor.update(
            type='mmdeit.ClsDataPreprocessor', group_size=16)
        cfg.model.head.loss.update(mode=mode, alpha=alpha)
        cfg.model.backbone.drop_path_rate = 0.1
        cfg.train_dataloader.update(
            batch_size=size // passes,
            dataset=dict(type='ErasedDataset', size=8 * size))
        cfg.auto_scale_lr = dict(base_batch_size=size)
        cfg.train_cfg = dict(type='mmdeit.EpochBasedTrainLoop', max_epochs=1)
        cfg.default_hooks.update(
            runtime_info=dict(type='mmdeit.RuntimeInfoHook'),
            ema=dict(type='mmdeit.EMAHook', momentum=0.1))
        cfg.default_hooks.logger.interval = LOG_INTERVAL
        return cfg

    return make


@pytest.mark.parametrize('mode, passes, alpha', [
    ('hard', 1, 0.5), ('soft', 1, 0.5), ('hard', 2, 0.5), ('hard', 1, 1.)])
def test_no_read_but_the_loggers_and_the_same_calls_at_any_size(
        recipe, mode, passes, alpha, build_runner):
    calls = []
    for size in (32, 256):
        runner = build_runner(recipe(size, mode, passes, alpha))
        hook = CountHook()
        runner.register_hook(hook)
        runner.train()
        assert len(hook.counts) == 8
        for i, counting in enumerate(hook.counts, 1):
            # one for all that was logged since
            expected = {'tolist': 1} if i % LOG_INTERVAL == 0 else {}
            assert counting.reads == expected, i
        # The first one builds the optimiser's state and starts the average.
        calls.append([counting.calls for counting in hook.counts[1:]])
    assert calls[0] == calls[1]


def test_calls_beside_the_networks_are_few(recipe, build_runner):
    """Preprocessing, erasing, mixing, the teacher's hook, targets, losses."""
    runner = build_runner(recipe(64))
    runner.train_loop  # noqa: B018  builds it
    hook, = [h for h in runner.hooks if isinstance(h, TeacherHook)]
    hook.before_train(runner)
    model = runner.model.train()
    _, batch = next(runner.train_loop._batches(0, 0))
    counting = Counting()
    networks = Counting()
    for network in (hook.teacher, model.backbone):
        forward = network.forward

        def uncounted(*args, forward=forward):
            with networks:
                return forward(*args)

        network.forward = uncounted
    with counting:
        losses = model(**model.data_preprocessor(batch, True), mode='loss')
        model.parse_losses(losses)
    # what is counted inside is counted outside too
    assert 30 < (counting.calls - networks.calls).total() < 150
