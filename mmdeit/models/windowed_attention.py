"""Attention within windows of patches, around tokens that see everything.

For the long sequences of large images, as in ViTDet (arXiv 2203.16527,
Section 3). Two deviations from it: a class or distillation token, which ViTDet
drops, stays global; and the padding of incomplete windows is masked, so that
no patch attends to it.
"""
from typing import Optional, Tuple

import torch
import torch.nn.functional as F
from mmpretrain.models.utils import MultiheadAttention
from torch import Tensor


class WindowedAttention(MultiheadAttention):
    """mmpretrain's attention, with its weights, in windows.

    A patch attends to its window and to all tokens; a token attends to
    everything. Windows start at the top left; those at the right and bottom
    may be incomplete.

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

    def forward(self, x: Tensor, grid: Tuple[int, int]) -> Tensor:
        """Attend.

        Args:
            x (Tensor): Tokens, then patches row by row, of shape
                ``(N, tokens + H * W, C)``.
            grid (tuple[int, int]): H and W, rows and columns of patches.

        Returns:
            Tensor: Of the same shape.
        """
        tokens = x.shape[1] - grid[0] * grid[1]
        qkv = self.qkv(x)  # N, T+HW, 3C
        q, k, v = self._split_heads(qkv)
        from_tokens = F.scaled_dot_product_attention(q[:, :, :tokens], k, v)

        # one window larger than the image would be mostly padding
        window = tuple(min(self.window_size, side) for side in grid)
        windows, mask = self._partition(qkv[:, tokens:], grid, window)
        count = len(windows) // len(x)  # windows of an image, n
        shared = qkv[:, None, :tokens].expand(-1, count, -1, -1).flatten(0, 1)
        # Nn, heads, T+hw, C/heads
        q, k, v = self._split_heads(torch.cat((shared, windows), dim=1))
        if mask is not None:
            mask = F.pad(mask, (tokens, 0), value=True)  # n, T+hw
            mask = mask.repeat(len(x), 1)[:, None, None]  # Nn, 1, 1, T+hw
        from_patches = F.scaled_dot_product_attention(
            q[:, :, tokens:], k, v, attn_mask=mask)

        x = torch.cat((
            self._join_heads(from_tokens),
            self._reverse(self._join_heads(from_patches), grid, window)), 1)
        return self.out_drop(self.proj(x))

    def _split_heads(self, qkv: Tensor) -> Tensor:
        """``(N, L, 3C) -> (3, N, heads, L, C / heads)``."""
        return qkv.unflatten(
            2, (3, self.num_heads, self.head_dims)).permute(2, 0, 3, 1, 4)

    @staticmethod
    def _join_heads(x: Tensor) -> Tensor:
        """``(N, heads, L, C / heads) -> (N, L, C)``."""
        return x.transpose(1, 2).flatten(2)

    @staticmethod
    def _partition(
            x: Tensor, grid: Tuple[int, int],
            window: Tuple[int, int]) -> Tuple[Tensor, Optional[Tensor]]:
        """Cut patches into windows.

        Args:
            x (Tensor): Of shape ``(N, H * W, C)``.
            grid (tuple[int, int]): H and W.
            window (tuple[int, int]): h and w.

        Returns:
            tuple[Tensor, Tensor | None]: The windows, of shape
            ``(N * n, h * w, C)``; and which patches are none of padding, of
            shape ``(n, h * w)``, or None where all are.
        """

        def cut(x: Tensor) -> Tensor:  # N, H, W, C
            x = F.pad(x, (0, 0, 0, -width % w, 0, -height % h))
            x = x.unflatten(2, (-1, w)).unflatten(1, (-1, h))
            return x.transpose(2, 3).flatten(3, 4).flatten(0, 2)

        (height, width), (h, w) = grid, window
        windows = cut(x.unflatten(1, grid))
        if height % h == 0 and width % w == 0:
            return windows, None
        inside = torch.ones(1, *grid, 1, dtype=torch.bool, device=x.device)
        return windows, cut(inside).squeeze(2)

    @staticmethod
    def _reverse(windows: Tensor, grid: Tuple[int, int],
                 window: Tuple[int, int]) -> Tensor:
        """Undo :meth:`_partition`, back to shape ``(N, H * W, C)``."""
        (height, width), (h, w) = grid, window
        rows, columns = -(-height // h), -(-width // w)
        x = windows.unflatten(0, (-1, rows, columns)).unflatten(3, window)
        x = x.transpose(2, 3).flatten(3, 4).flatten(1, 2)
        return x[:, :height, :width].flatten(1, 2)
