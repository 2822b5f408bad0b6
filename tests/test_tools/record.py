"""A hook for the tools to import: it writes down what a process trains."""
import json
from pathlib import Path

from mmengine.hooks import Hook
from mmengine.registry import HOOKS
from torch.nn.parallel import DistributedDataParallel


@HOOKS.register_module()
class RecordHook(Hook):
    """Keeps the losses and what is in the gradient buckets."""

    def before_train(self, runner):
        self.losses = []

    def after_train_iter(self, runner, batch_idx, data_batch=None,
                         outputs=None):
        self.losses.append({k: v.item() for k, v in outputs.items()})

    def after_train(self, runner):
        reduced = None
        if isinstance(runner.model, DistributedDataParallel):
            parameters, _ = runner.model._build_params_for_reducer()
            reduced = len(parameters)
        path = Path(runner.work_dir, f'rank{runner.rank}.json')
        path.write_text(json.dumps(dict(losses=self.losses, reduced=reduced)))
