"""Training a network as it is evaluated."""
from mmengine.hooks import Hook
from mmengine.runner import Runner

from mmdeit.registry import HOOKS
from mmdeit.utils import unwrap_model


@HOOKS.register_module()
class EvalModeHook(Hook):
    """Keeps the backbone in eval mode while it is trained.

    The official ``--no-train-mode``, with which the paper's fine-tuning was
    done (facebookresearch/deit issue 177): no stochastic depth, no dropout.
    The data preprocessor stays in train mode, so that images are mixed and
    the teacher runs.
    """

    def before_train_iter(self,
                          runner: Runner,
                          batch_idx: int,
                          data_batch: dict | None = None) -> None:
        """Undo what the loop's ``model.train()`` did to the backbone."""
        backbone = unwrap_model(runner.model).backbone
        if backbone.training:
            backbone.eval()
