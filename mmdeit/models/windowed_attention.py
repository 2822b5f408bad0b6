"""Attention within windows of patches, and the transformer layer with it.

For the long sequences of large images, as in ViTDet (arXiv 2203.16527,
Section 3). Two deviations: the class and distillation tokens, which ViTDet
drops, keep global attention; and the padding of incomplete windows is masked.
"""
import torch
import torch.nn.functional as F
from mmpretrain.models.backbones.vision_transformer import (
    TransformerEncoderLayer,
)
from mmpretrain.models.utils import MultiheadAttention
from torch import Tensor


class WindowedAttention(MultiheadAttention):
    """mmpretrain's attention in windows, with the same state-dict keys.

    A patch attends to its window and to all tokens; a token attends to
    everything. Windows start at the top left; the last ones at the right and
    bottom may be incomplete.

    Args:
        embed_dims (int): Channels.
        num_heads (int): Heads.
        window_size (int): Side of a window in patches.
        drop_path_rate (float): Stochastic depth. Defaults to 0.
    """

    def __init__(self,
                 embed_dims: int,
                 num_heads: int,
                 window_size: int,
                 drop_path_rate: float = 0.) -> None:
        super().__init__(
            embed_dims,
            num_heads,
            dropout_layer=dict(type='DropPath', drop_prob=drop_path_rate))
        self.window_size = window_size

    def forward(self, x: Tensor, grid: tuple[int, int]) -> Tensor:
        """Attend within windows.

        Args:
            x (Tensor): Tokens, then H rows of W patches, of shape
                ``(N, tokens + H * W, C)``, as is what is returned.
            grid (tuple[int, int]): H and W.
        """
        tokens = x.shape[1] - grid[0] * grid[1]
        qkv = self.qkv(x)  # N, T+HW, 3C
        q, k, v = self._split_heads(qkv)
        from_tokens = F.scaled_dot_product_attention(q[:, :, :tokens], k, v)

        # one window larger than the image would be mostly padding
        window = tuple(min(self.window_size, side) for side in grid)
        windows = _partition(qkv[:, tokens:].unflatten(1, grid), window)
        count = len(windows) // len(x)  # windows of an image, n
        shared = qkv[:, None, :tokens].expand(-1, count, -1, -1).flatten(0, 1)
        # Nn, heads, T+hw, C/heads
        q, k, v = self._split_heads(torch.cat((shared, windows), dim=1))
        mask = None
        if any(side % length for side, length in zip(grid, window)):
            mask = torch.ones(
                1, *grid, 1, dtype=torch.bool, device=x.device)
            mask = _partition(mask, window).squeeze(2)  # n, hw
            mask = F.pad(mask, (tokens, 0), value=True)  # n, T+hw
            mask = mask.repeat(len(x), 1)[:, None, None]  # Nn, 1, 1, T+hw
        from_patches = F.scaled_dot_product_attention(
            q[:, :, tokens:], k, v, attn_mask=mask)

        patches = _reverse(self._join_heads(from_patches), grid, window)
        x = torch.cat((self._join_heads(from_tokens), patches), dim=1)
        return self.out_drop(self.proj(x))

    def _split_heads(self, qkv: Tensor) -> Tensor:
        """``(N, L, 3C) -> (3, N, heads, L, C / heads)``."""
        return qkv.unflatten(
            2, (3, self.num_heads, self.head_dims)).permute(2, 0, 3, 1, 4)

    @staticmethod
    def _join_heads(x: Tensor) -> Tensor:
        """``(N, heads, L, C / heads) -> (N, L, C)``."""
        return x.transpose(1, 2).flatten(2)


def _partition(x: Tensor, window: tuple[int, int]) -> Tensor:
    """Cut a map into n windows, padded with zeros at the right and bottom.

    ``(N, H, W, C) -> (N * n, h * w, C)`` for windows of (h, w).
    """
    (height, width), (h, w) = x.shape[1:3], window
    x = F.pad(x, (0, 0, 0, -width % w, 0, -height % h))
    x = x.unflatten(2, (-1, w)).unflatten(1, (-1, h))
    return x.transpose(2, 3).flatten(3, 4).flatten(0, 2)


def _reverse(windows: Tensor, grid: tuple[int, int],
             window: tuple[int, int]) -> Tensor:
    """Undo :func:`_partition`: ``(N * n, h * w, C) -> (N, H * W, C)``."""
    (height, width), (h, w) = grid, window
    rows, columns = -(-height // h), -(-width // w)
    x = windows.unflatten(0, (-1, rows, columns)).unflatten(3, window)
    x = x.transpose(2, 3).flatten(3, 4).flatten(1, 2)
    return x[:, :height, :width].flatten(1, 2)


class WindowedEncoderLayer(TransformerEncoderLayer):
    """mmpretrain's layer with :class:`WindowedAttention`, under its keys."""

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

    def forward(self, x: Tensor, grid: tuple[int, int]) -> Tensor:
        """Map ``(N, tokens + H * W, C)`` to the same shape; grid is (H, W)."""
        x = x + self.attn(self.ln1(x), grid)
        return self.ffn(self.ln2(x), identity=x)
