"""mmengine's training loops, over a stream of views."""
from collections.abc import Iterator
from itertools import repeat
from typing import Any

from mmengine.runner import EpochBasedTrainLoop as _EpochBasedTrainLoop
from mmengine.runner import IterBasedTrainLoop as _IterBasedTrainLoop

from mmdeit.registry import LOOPS

from .view_loop import ViewLoop


@LOOPS.register_module()
class EpochBasedTrainLoop(ViewLoop, _EpochBasedTrainLoop):
    """mmengine's, over views, from any iteration of an epoch.

    Arguments are mmengine's.
    """

    def run(self) -> Any:
        """Train, from wherever the checkpoint was saved."""
        self._done = self._find_place() if self._iter else 0
        return super().run()

    def _find_place(self) -> int:
        """How many iterations of its epoch a checkpoint has."""
        length = len(self.dataloader)
        info = self.runner.message_hub.runtime_info  # as it was saved
        before = info.get('max_iters', 0) // info.get('max_epochs', 1)
        done = self._iter - self._epoch * length
        if before in (0, length) and 0 <= done <= length:
            return done
        self.runner.logger.warning(
            f'Resumed after {self._epoch} epochs and {self._iter} iterations, '
            f'of which an epoch has {length}: the images or the batch have '
            f'changed, and epoch {self._epoch + 1} starts from its beginning')
        self._iter = self._epoch * length  # or the next resume would go wrong
        return 0

    def run_epoch(self) -> None:
        """Train for what is left of an epoch."""
        self.runner.call_hook('before_train_epoch')
        self.runner.model.train()
        done, self._done = self._done, 0
        for item in self._batches(self._epoch, done):
            self._run_iter(*item)
        self.runner.call_hook('after_train_epoch')
        self._epoch += 1


@LOOPS.register_module()
class IterBasedTrainLoop(ViewLoop, _IterBasedTrainLoop):
    """mmengine's, over views, from any iteration.

    With a sampler that ends, epochs follow each other. Arguments are
    mmengine's.
    """

    def run(self) -> Any:
        """Train for the iterations that are left."""
        self.dataloader_iterator = self._endless_batches()
        return super().run()

    def _endless_batches(self) -> Iterator[dict]:
        done = self._iter
        yield from repeat({}, done)  # mmengine asks for those, too
        epoch = 0
        if not self.dataloader.sampler.endless:
            epoch, done = divmod(done, len(self.dataloader))
        while True:
            for _, batch in self._batches(epoch, done):
                yield batch
            epoch, done = epoch + 1, 0

    def run_iter(self, data_batch: dict) -> None:
        """One iteration."""
        self._run_iter(self._iter, data_batch)
