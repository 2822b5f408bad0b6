"""A transformer layer whose attention stays within windows of patches."""
from typing import Tuple

from mmpretrain.models.backbones.vision_transformer import (
    TransformerEncoderLayer,
)
from torch import Tensor

from .windowed_attention import WindowedAttention


class WindowedEncoderLayer(TransformerEncoderLayer):
    """mmpretrain's layer with :class:`WindowedAttention`.

    State-dict keys are the same.

    Args:
        embed_dims (int): Channels.
        num_heads (int): Heads of the attention.
        feedforward_channels (int): Width of the MLP.
        window_size (int): Side of a window in patches.
        drop_path_rate (float): Stochastic depth. Defaults to 0.
    """

    def __init__(self,
                 embed_dims: int,
                 num_heads: int,
                 feedforward_channels: int,
                 window_size: int,
                 drop_path_rate: float = 0.) -> None:
        super().__init__(
            embed_dims,
            num_heads,
            feedforward_channels,
            drop_path_rate=drop_path_rate,
            norm_cfg=dict(type='LN', eps=1e-6))
        self.attn = WindowedAttention(embed_dims, num_heads, window_size,
                                      drop_path_rate)

    def forward(self, x: Tensor, grid: Tuple[int, int]) -> Tensor:
        """Map ``(N, tokens + H * W, C)`` to the same, with H and W given."""
        x = x + self.attn(self.ln1(x), grid)
        return self.ffn(self.ln2(x), identity=x)
