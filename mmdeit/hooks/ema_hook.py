"""The moving average of the weights, beside the weights."""
from mmengine.runner import Runner
from mmpretrain.engine import EMAHook as _EMAHook

from mmdeit.registry import HOOKS

from .check_checkpoint import check_checkpoint, starts_training


@HOOKS.register_module()
class EMAHook(_EMAHook):
    """mmpretrain's :class:`EMAHook`, without its exchange of names.

    mmengine saves the average as ``state_dict`` and hides the weights in
    ``ema_state_dict``, so that whoever takes a checkpoint elsewhere gets the
    average. DeiT keeps an average too, but the numbers of the paper are those
    of the weights: here, as in the official code, ``state_dict`` is the model
    and ``ema_state_dict`` the average. Arguments are those of mmpretrain's
    hook; set ``evaluate_on_ema=False`` to evaluate the weights.
    """

    def before_save_checkpoint(self, runner: Runner, checkpoint: dict) -> None:
        """Add the average to the checkpoint, in place."""
        checkpoint['ema_state_dict'] = self.ema_model.state_dict()

    def after_load_checkpoint(self, runner: Runner, checkpoint: dict) -> None:
        """Restore the average, or start it from the weights.

        It is restored where training resumes and in testing. What starts a
        training starts its average too, as in the official code.
        """
        # This hook comes before CheckpointHook, and loads as well.
        check_checkpoint(runner, checkpoint)
        if 'ema_state_dict' in checkpoint and not starts_training(runner):
            self.ema_model.load_state_dict(checkpoint['ema_state_dict'])
        else:
            super().after_load_checkpoint(
                runner, dict(state_dict=checkpoint['state_dict']))
