"""DeiT's student: a vision transformer with a distillation token."""
from mmengine.logging import MMLogger
from mmpretrain.models.backbones import (
    DistilledVisionTransformer as _DistilledVisionTransformer,
)
from torch import Tensor

from mmdeit.checkpoints import start_dist_token
from mmdeit.registry import MODELS

from .vision_transformer import VisionTransformer


@MODELS.register_module()
class DistilledVisionTransformer(VisionTransformer,
                                 _DistilledVisionTransformer):
    """DeiT with distillation: class token, distillation token, patch tokens.

    Paper Section 4, "Distillation through attention". The order of the tokens
    and the state-dict keys are those of mmpretrain's class of the same name.
    Arguments and initialisation are those of
    :class:`mmdeit.models.VisionTransformer`. From a checkpoint without a
    distillation token, as of an undistilled DeiT, it starts as
    :func:`mmdeit.checkpoints.start_dist_token` says.

    With ``out_type='cls_token'`` the output has for each of ``out_indices``
    the pair of class and distillation token, each of shape ``(N, C)``.
    """

    def _tokens(self) -> tuple[Tensor, ...]:
        return self.cls_token, self.dist_token

    def _freeze_stages(self) -> None:
        super()._freeze_stages()
        self.dist_token.requires_grad = False

    def get_layer_depth(self,
                        param_name: str,
                        prefix: str = '') -> tuple[int, int]:
        """Depth of a parameter and number of depths, for layer-wise rates.

        The distillation token has depth 0 like the class token; mmpretrain
        takes it for a part of the head.
        """
        if param_name == f'{prefix}dist_token':
            param_name = f'{prefix}cls_token'
        return super().get_layer_depth(param_name, prefix)

    def _prepare_pos_embed(self, state_dict: dict, prefix: str,
                           *args) -> None:
        """Add the distillation token to a ``state_dict`` without one."""
        dist_token = f'{prefix}dist_token'
        sources = {f'{prefix}cls_token', f'{prefix}pos_embed'}
        if dist_token not in state_dict and sources <= state_dict.keys():
            MMLogger.get_current_instance().info(
                f'{dist_token} and its position start as copies of the class '
                "token's: the checkpoint has none.")
            state_dict.update(start_dist_token(state_dict, prefix))
        super()._prepare_pos_embed(state_dict, prefix, *args)
