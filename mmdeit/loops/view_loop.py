"""What a training loop does with a stream of views.

What the views of an iteration are does not depend on the number of processes
or workers, and a resumed loop goes on in the middle of an epoch.
"""
from collections import OrderedDict
from collections.abc import Iterator
from itertools import count
from typing import Any

from mmengine.dist import get_rank, get_world_size
from mmengine.optim import OptimWrapperDict
from mmengine.runner import Runner

from mmdeit.datasets.views import ViewDataset, ViewSampler
from mmdeit.models import BatchMixing, ClsDataPreprocessor
from mmdeit.randomness import NETWORK, seed_all
from mmdeit.utils import unwrap_model

from .batch_plan import BatchPlan, plan_batch
from .stop_request import StopRequest, spare_workers

SEED = 'view_seed'  # in the message hub, and so in a checkpoint


class ViewLoop:
    """Mixed into mmengine's loops.

    - The dataloader's dataset and sampler are wrapped: see
      :mod:`mmdeit.datasets.views`.
    - An iteration has ``auto_scale_lr.base_batch_size`` views, the batch that
      the learning rate is for, on any number of processes: each takes
      ``train_dataloader.batch_size`` of them in one pass, and as many passes
      as it needs. With ``auto_scale_lr.enable=True``, or where the config has
      none, it is one pass in each process, as usual.
    - Before each pass torch's generators are seeded by its first view, so
      that stochastic depth needs no state either.
    - The views' seed is ``seed`` if given, else that of a cache of answers,
      else the training's; with ``recycle`` the views of epoch e are those of
      epoch e mod ``recycle``. Weights and stochastic depth take neither.
    - SIGTERM and SIGUSR1 stop a training at the end of an iteration: see
      :mod:`mmdeit.loops.stop_request`. Hooks save in ``on_interrupt``.
    """

    def __init__(self,
                 runner: Runner,
                 dataloader: dict,
                 seed: int | None = None,
                 recycle: int | None = None,
                 **kwargs) -> None:
        if not isinstance(runner, Runner):
            raise ValueError(
                f'{type(runner).__name__} builds the model too late for views: '
                "leave out runner_type, or set train_cfg.type='mmengine."
                f"{type(self).__name__}'")
        if not isinstance(dataloader, dict):
            raise ValueError('the dataloader is built already, and has no '
                             'views: give its config')
        model = unwrap_model(runner.model)
        preprocessor = getattr(model, 'data_preprocessor', None)
        self._takes_views = isinstance(preprocessor, ClsDataPreprocessor)
        mixing = preprocessor.batch_augments if self._takes_views else None
        self.plan = _plan(runner, dataloader.get('batch_size', 1), mixing)
        if mixing:
            mixing.group_size = self.plan.group_size
        runner.logger.info(str(self.plan))
        if _batch(runner):
            # An epoch is as long on one process, in passes, as on several.
            dataloader = dict(dataloader, drop_last=True)
        built = runner.build_dataloader(
            stream_of_views(dataloader, self.plan),
            seed=runner.seed,
            diff_rank_seed=True)  # the loop gives the seed that it resumes
        spare_workers(built)
        for name, value in dict(seed=seed, recycle=recycle).items():
            if value is not None and (type(value) is not int or value < 0):
                raise ValueError(f'train_cfg.{name} is {value!r}: give a '
                                 'whole number, or leave it out')
        if recycle and built.sampler.endless:
            raise ValueError('train_cfg.recycle repeats epochs, and the '
                             'sampler has none: take one that ends')
        self.seed, self.recycle = seed, recycle
        super().__init__(runner, built, **kwargs)

    @property
    def stream_length(self) -> int:
        """int: Positions of an epoch; without an end, of the training."""
        if self.dataloader.sampler.endless:
            return self.max_iters * self.plan.views
        return len(self.dataloader.sampler) * get_world_size()

    def run(self) -> Any:
        """Train, from wherever the checkpoint was saved."""
        if self.plan.passes > 1:
            # An iteration is one step of the optimiser, whatever its passes.
            wrapper = self.runner.optim_wrapper
            if isinstance(wrapper, OptimWrapperDict):
                raise ValueError('several optimisers step in each pass: raise '
                                 'train_dataloader.batch_size to '
                                 f'{self.plan.share}')
            wrapper._accumulative_counts = self.plan.passes
            wrapper.initialize_count_status(self.runner.model, 0, -1)
        if self.seed is None:  # older checkpoints have the training's alone
            self.seed = self.runner.message_hub.runtime_info.get(
                SEED, common_seed(self.runner) if self._iter else None)
        if validation := self.runner.val_loop:
            spare_workers(validation.dataloader)
        with StopRequest(_timeout(self.runner)) as self._request:
            return super().run()

    def _batches(self, epoch: int, first: int) -> Iterator[tuple[int, dict]]:
        """Number and batch of each iteration of an epoch, from the first."""
        if self.seed is None:
            self.seed = common_seed(self.runner)
        self.runner.message_hub.update_info(SEED, self.seed)
        self._key = common_seed(self.runner), epoch
        if self.recycle:
            epoch %= self.recycle
        sampler = self.dataloader.sampler
        sampler.start(self.seed, epoch, first)
        numbers = count(first) if sampler.endless else range(
            first, len(self.dataloader))
        for item in zip(numbers, self.dataloader):
            yield item
            # Here the iteration has ended, and a validation that follows it.
            if stop := self._request.agreed():
                self.runner.call_hook('on_interrupt')
                self._request.stop(stop)

    def _run_iter(self, number: int, batch: dict) -> None:
        """One iteration: as in mmengine, but for its passes."""
        self.runner.call_hook(
            'before_train_iter', batch_idx=number, data_batch=batch)
        outputs = [self._run_pass(part) for part in split(
            batch, self.plan.pass_size)]
        self.runner.call_hook(
            'after_train_iter',
            batch_idx=number,
            data_batch=batch,
            outputs=mean(outputs))
        self._iter += 1

    def _run_pass(self, batch: dict) -> dict:
        *_, position = batch['views'][0].tolist()
        seed_all(*self._key, position, NETWORK, devices=True)
        if not self._takes_views:
            batch = {key: batch[key] for key in batch if key != 'views'}
        return self.runner.model.train_step(
            batch, optim_wrapper=self.runner.optim_wrapper)


def common_seed(runner: Runner) -> int:
    """The seed of a training, the same in all processes."""
    apart = runner._randomness_cfg.get('diff_rank_seed', False)
    return runner.seed - (get_rank() if apart else 0)


def _timeout(runner: Runner) -> float | None:
    """Seconds that processes wait for each other, if the config says it."""
    env_cfg = runner.cfg.get('env_cfg') or {}
    return env_cfg.get('dist_cfg', {}).get('timeout')


def _batch(runner: Runner) -> int | None:
    """How many images an iteration has, if not what the processes make."""
    scaling = runner.auto_scale_lr or {}
    return None if scaling.get('enable') else scaling.get('base_batch_size')


def _plan(runner: Runner, batch_size: int,
          mixing: BatchMixing | None) -> BatchPlan:
    wrapper = runner.optim_wrapper
    passes = wrapper.get('accumulative_counts', 1) if isinstance(
        wrapper, dict) else wrapper._accumulative_counts
    scaling = runner.auto_scale_lr or {}
    if scaling.get('enable') and passes > 1:
        raise ValueError('auto_scale_lr knows nothing of accumulative_counts: '
                         'leave one of the two out')
    return plan_batch(
        batch_size, get_world_size(), passes, _batch(runner),
        (mixing.group_size or batch_size) if mixing else 1)


def stream_of_views(dataloader: dict, plan: BatchPlan) -> dict:
    """The config of a dataloader whose samples are views.

    Args:
        dataloader (dict): Its ``batch_size`` is not read.
        plan (BatchPlan): How many views a batch has.

    Raises:
        ValueError: If it has a ``batch_sampler``.
    """
    if dataloader.get('batch_sampler'):
        raise ValueError('train_dataloader.batch_sampler puts views into an '
                         'order of its own: leave it out, or take '
                         "train_cfg.type='mmengine.EpochBasedTrainLoop'")
    drop_last = dataloader.get('drop_last', False) or plan.passes > 1
    return dict(
        dataloader,
        batch_size=plan.share,
        drop_last=drop_last,
        dataset=dict(type=ViewDataset, dataset=dataloader['dataset']),
        sampler=dict(
            type=ViewSampler,
            sampler=dataloader['sampler'],
            batch_size=plan.share,
            passes=plan.passes,
            drop_last=drop_last))


def split(batch: dict, size: int) -> list[dict]:
    """Cut a batch of images into batches of a size; the last may have fewer."""
    total = len(batch['views'])
    return [{key: value[i:i + size] for key, value in batch.items()}
            for i in range(0, total, size)] if total > size else [batch]


def mean(outputs: list[dict]) -> dict:
    """The mean over passes of what each returned, by name."""
    if len(outputs) == 1:
        return outputs[0]
    return OrderedDict(
        (key, sum(output[key] for output in outputs) / len(outputs))
        for key in outputs[0])
