"""DeiT's student: a vision transformer with a distillation token."""
from typing import Tuple

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
    and the state-dict keys are those of mmpretrain's class of the same name,
    so that checkpoints go both ways. Arguments and initialisation are those of
    :class:`mmdeit.models.VisionTransformer`; mmpretrain's class draws the
    distillation token as that does the others. Weights without one, as of an
    undistilled DeiT, start it: see :func:`mmdeit.checkpoints.start_dist_token`.

    With ``out_type='cls_token'`` the output is a tuple with one item for each
    of ``out_indices``: the pair of class and distillation token, each of
    shape ``(N, C)``.
    """

    def _tokens(self) -> Tuple[Tensor, ...]:
        return self.cls_token, self.dist_token

    def _freeze_stages(self) -> None:
        super()._freeze_stages()
        self.dist_token.requires_grad = False

    def get_layer_depth(self,
                        param_name: str,
                        prefix: str = '') -> Tuple[int, int]:
        """Depth of a parameter, for layer-wise learning rates.

        Args:
            param_name (str): Name of the parameter.
            prefix (str): Prefix of the backbone's parameters. Defaults to ''.

        Returns:
            tuple[int, int]: The depth, and the number of depths. The
            distillation token stands at depth 0, beside the class token;
            mmpretrain takes it for a part of the head.
        """
        if param_name == f'{prefix}dist_token':
            param_name = f'{prefix}cls_token'
        return super().get_layer_depth(param_name, prefix)

    def _prepare_pos_embed(self, state_dict: dict, prefix: str,
                           *args) -> None:
        """Called before ``state_dict`` is loaded: complete its tokens."""
        names = [f'{prefix}{name}' for name in ('cls_token', 'pos_embed')]
        dist_token = f'{prefix}dist_token'
        if dist_token not in state_dict and all(
                name in state_dict for name in names):
            MMLogger.get_current_instance().info(
                f'{dist_token} and its position start as copies of the class '
                "token's: the checkpoint has none.")
            state_dict.update(start_dist_token(state_dict, prefix))
        super()._prepare_pos_embed(state_dict, prefix, *args)
