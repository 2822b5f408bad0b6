"""Checkpoints that are whole, and that any supported torch loads safely."""
import os
from collections import deque
from pathlib import Path

import numpy as np
import torch
from mmengine.dist import is_main_process
from mmengine.fileio import LocalBackend
from mmengine.hooks import CheckpointHook as _CheckpointHook
from mmengine.logging import HistoryBuffer
from mmengine.optim import OptimWrapper
from mmengine.runner import Runner
from mmengine.utils import apply_to

from mmdeit.checkpoints import plain_metainfo
from mmdeit.files import PART, AtomicBackend
from mmdeit.registry import HOOKS
from mmdeit.utils import finish_first

from .finite import state_fault, stop_everywhere
from .loaded_checkpoint import (
    check_checkpoint,
    check_resumed,
    warn_of_partial_epoch,
)
from .runtime_info_hook import RuntimeInfoHook

POINTER = 'last_checkpoint'  # mmengine's name for the file that names the last
# Names of the files, at most one, that go once a regular one is there. As with
# mmengine's keep_ckpt_ids, a checkpoint still lists what its save removes: so
# the next save catches up on it where a kill prevents that.
INTERRUPTED = 'interrupted_ckpts'


@HOOKS.register_module()
class CheckpointHook(_CheckpointHook):
    """mmengine's :class:`CheckpointHook`, whose files hold nothing but data.

    mmengine 0.10.7 pickles ``HistoryBuffer`` objects into its checkpoints,
    and cannot resume from them with ``weights_only=True``, the default since
    torch 2.6. Here the message hub is saved as plain numbers and tensors.

    Local files are written whole or not at all, and in an order in which a
    kill loses nothing: the checkpoint, the pointer ``last_checkpoint``, and
    then the removal of old ones, which mmengine removes first. Signals wait
    for the end of a save.

    A training that is asked to stop is saved as ``iter_{}.pth``. With
    ``by_epoch=True`` that file goes once the next regular one is there.

    What is loaded, to train or to test, has to fit the model: see
    :func:`mmdeit.checkpoints.match_checkpoint`. Arguments are mmengine's.
    """

    def before_train(self, runner: Runner) -> None:
        """Choose where and how to write, and tidy up after a kill."""
        super().before_train(runner)
        warn_of_partial_epoch(runner)
        # The client is what the older file_client_args give.
        backend = getattr(self.file_backend, 'client', self.file_backend)
        if not isinstance(backend, LocalBackend):
            return  # a store of objects, which are whole anyway
        self.file_client_args = None
        self.backend_args = dict(backend='mmdeit.atomic')
        self.file_backend = AtomicBackend()
        if is_main_process():
            suffix = Path(self.filename_tmpl).suffix
            for part in (*Path(self.out_dir).glob(f'*{suffix}{PART}'),
                         *Path(runner.work_dir).glob(f'{POINTER}{PART}')):
                part.unlink()
            if runner._resume and os.path.isfile(runner._load_from or ''):
                self._point_to(runner, os.path.abspath(runner._load_from))
        # The work directory may have been moved, or copied: the best
        # checkpoint to replace is the one here.
        self._best = {
            key: path and os.path.join(self.out_dir, os.path.basename(path))
            for key, path in self._best.items()
        }

    def on_interrupt(self, runner: Runner) -> None:
        """Save between two iterations; all processes have to call it."""
        template = 'iter_{}.pth' if self.by_epoch else self.filename_tmpl
        name = template.format(runner.iter)
        if self.last_ckpt == self.file_backend.join_path(self.out_dir, name):
            return
        runner.logger.info(f'Saving checkpoint at {runner.iter} iterations')
        meta = dict(epoch=runner.epoch, iter=runner.iter)
        if not self.by_epoch:
            self._save_checkpoint_with_step(runner, runner.iter, meta)
            return
        outdated = runner.message_hub.runtime_info.get(INTERRUPTED, [])
        runner.message_hub.update_info(INTERRUPTED, [name])
        self._save(runner, name, meta, outdated)

    def _save_checkpoint_with_step(self, runner: Runner, step: int,
                                   meta: dict) -> None:
        outdated = [self.filename_tmpl.format(old)
                    for old in self._keep(runner, step)]
        outdated += runner.message_hub.runtime_info.get(INTERRUPTED, [])
        self._save(runner, self.filename_tmpl.format(step), meta, outdated)

    def _save(self, runner: Runner, name: str, meta: dict,
              outdated: list[str]) -> None:
        check_before_saving(runner, meta['iter'])
        with finish_first():
            self.last_ckpt = self.file_backend.join_path(self.out_dir, name)
            runner.message_hub.update_info('last_ckpt', self.last_ckpt)
            runner.save_checkpoint(
                self.out_dir,
                name,
                self.file_client_args,
                save_optimizer=self.save_optimizer,
                save_param_scheduler=self.save_param_scheduler,
                meta=meta,
                by_epoch=self.by_epoch,
                backend_args=self.backend_args,
                **self.args)
            if not is_main_process():
                return
            self._point_to(runner, self.last_ckpt)
            for old in outdated:
                path = self.file_backend.join_path(self.out_dir, old)
                if path != self.last_ckpt:
                    self._remove(path)

    def _point_to(self, runner: Runner, path: str) -> None:
        """Write the file that mmengine resumes from, too."""
        AtomicBackend().put_text(path, os.path.join(runner.work_dir, POINTER))

    def _keep(self, runner: Runner, step: int) -> list[int]:
        """Count a checkpoint among those to keep, and return the outdated.

        The checkpoint itself still lists them: where a kill prevents their
        removal, mmengine's ``before_train`` catches up on it.
        """
        if self.max_keep_ckpts <= 0:
            return []
        steps = [*(old for old in self.keep_ckpt_ids if old != step), step]
        runner.message_hub.update_info('keep_ckpt_ids', steps)
        self.keep_ckpt_ids = deque(steps, self.max_keep_ckpts)
        return steps[:-self.max_keep_ckpts]

    def _save_best_checkpoint(self, runner: Runner, metrics: dict) -> None:
        if self.save_best:
            check_before_saving(runner, runner.iter)
        with finish_first():
            before = self._best
            self._best = dict.fromkeys(before)  # or mmengine removes them first
            super()._save_best_checkpoint(runner, metrics)
            self._best = {
                key: path or before[key]
                for key, path in self._best.items()
            }
            if is_main_process():
                for path in {*before.values()} - {*self._best.values(), None}:
                    self._remove(path)

    @property
    def _best(self) -> dict[str, str | None]:
        """Paths of the best checkpoints, which mmengine keeps in two ways."""
        if hasattr(self, 'best_ckpt_path_dict'):
            return self.best_ckpt_path_dict
        return {'': getattr(self, 'best_ckpt_path', None)}

    @_best.setter
    def _best(self, paths: dict[str, str | None]) -> None:
        if hasattr(self, 'best_ckpt_path_dict'):
            self.best_ckpt_path_dict = paths
        elif self.save_best:
            self.best_ckpt_path = paths['']

    def _publish_model(self, runner: Runner, ckpt_path: str | None) -> None:
        if ckpt_path and self.file_backend.isfile(ckpt_path):
            super()._publish_model(runner, ckpt_path)
        else:  # no metric was ever the best, or it was in another folder
            runner.logger.warning(
                f'There is no best checkpoint at {ckpt_path} to publish')

    def _remove(self, path: str) -> None:
        if self.file_backend.isfile(path):
            self.file_backend.remove(path)

    def before_save_checkpoint(self, runner: Runner, checkpoint: dict) -> None:
        """Replace the objects of the message hub by data, in place."""
        hub = checkpoint['message_hub']
        for name, history in hub['log_scalars'].items():
            hub['log_scalars'][name] = to_plain(
                history, logged_values(runner, name))
        checkpoint['message_hub'] = apply_to(
            hub, lambda x: isinstance(x, np.generic), lambda x: x.item())
        plain_metainfo(checkpoint)

    def after_load_checkpoint(self, runner: Runner, checkpoint: dict) -> None:
        """Check the weights and restore the log histories, in place."""
        check_checkpoint(runner, checkpoint)
        if runner._resume:
            check_resumed(runner, checkpoint)
            keep_kernels(runner, checkpoint)
        scalars = checkpoint.get('message_hub', {}).get('log_scalars', {})
        for name, saved in scalars.items():
            if isinstance(saved, dict):
                scalars[name] = HistoryBuffer(saved['values'].tolist(),
                                              saved['counts'].tolist(),
                                              saved['max_length'])


def check_before_saving(runner: Runner, iteration: int) -> None:
    """Stop before something is saved that is not finite.

    All processes have to call it: only the first one saves.
    """
    faults = [hook.read(runner) for hook in runner.hooks
              if isinstance(hook, RuntimeInfoHook)]
    stop_everywhere(
        runner, next(filter(None, faults), '') or
        state_fault(runner, iteration))


def keep_kernels(runner: Runner, checkpoint: dict) -> None:
    """Step as this training does, not as that on another device, in place.

    torch restores with an optimiser's state whether its kernels were fused.
    """
    if not isinstance(runner.optim_wrapper, OptimWrapper):  # several, or none
        return
    groups = (checkpoint.get('optimizer') or {}).get('param_groups', [])
    for saved, own in zip(groups, runner.optim_wrapper.param_groups):
        for name in {'fused', 'foreach'} & own.keys():
            saved[name] = own[name]


def to_plain(history: HistoryBuffer, count: int | None) -> dict:
    """The last values of a log history as tensors; None keeps all of them."""
    values, counts = (
        torch.from_numpy(data[-count:] if count else data)
        for data in history.data)
    return dict(values=values, counts=counts, max_length=history.max_length)


def logged_values(runner: Runner, name: str) -> int | None:
    """How many past values the log asks for; None for all of them.

    A history grows with each iteration, and a checkpoint must not.
    """
    processor = runner.log_processor
    windows = [processor.window_size]
    for custom in processor.custom_cfg:
        if name.split('/', 1)[-1] == custom['data_src'].split('/', 1)[-1]:
            windows.append(custom.get('window_size') or 'global')
    if 'global' in windows:
        return None
    epoch = len(runner.train_dataloader)
    return max(epoch if size == 'epoch' else size for size in windows)
