"""Training a network as it is evaluated."""
from typing import Optional

from mmengine.hooks import Hook
from mmengine.model import is_model_wrapper
from mmengine.runner import Runner

from mmdeit.registry import HOOKS


@HOOKS.register_module()
class EvalModeHook(Hook):
    """Keeps the backbone in eval mode while it is trained.

    The official ``--no-train-mode``, with which the paper's fine-tuning was
    done (facebookresearch/deit issue 177): no stochastic depth, no dropout.
    Gradients flow as ever. The data preprocessor stays in train mode, so that
    images are mixed and the teacher runs.
    """

    def before_train_iter(self,
                          runner: Runner,
                          batch_idx: int,
                          data_batch: Optional[dict] = None) -> None:
        """Undo what the loop's ``model.train()`` did to the backbone."""
        model = runner.model
        if is_model_wrapper(model):
            model = model.module
        if model.backbone.training:
            model.backbone.eval()
