"""The position embedding of one grid of patches at the size of another."""
from math import isqrt

from mmengine.logging import MMLogger
from mmpretrain.models.utils import resize_pos_embed
from torch import Tensor


def load_positions(name: str, pos_embed: Tensor, tokens: int,
                   source: tuple[int, int] | None,
                   target: tuple[int, int]) -> Tensor:
    """Interpolate the position embedding of a checkpoint for a model.

    mmpretrain takes every grid for a square one, and cuts off what is not.

    Args:
        name (str): Name of the tensor in the checkpoint.
        pos_embed (Tensor): Of shape ``(1, tokens + patches, C)``.
        tokens (int): Positions before those of the patches, kept as they are.
        source (tuple[int, int], optional): Rows and columns of the
            checkpoint; None for a square.
        target (tuple[int, int]): Rows and columns of the model. A checkpoint
            with as many patches is returned unchanged.

    Returns:
        Tensor: Of shape ``(1, tokens + patches of the model, C)``.

    Raises:
        ValueError: If the number of patches is not that of ``source``.
    """
    patches = pos_embed.shape[1] - tokens
    height, width = target
    if patches == height * width:
        return pos_embed
    rows, columns = source or (isqrt(max(patches, 0)), ) * 2
    if patches < 1 or rows * columns != patches:
        other = f'{rows * columns} ({rows}x{columns})'
        raise ValueError(
            f'{name} is for {patches} patches, expected {height * width} '
            f"({height}x{width}) or {other if source else 'a square number'}: "
            'set pretrain_img_size of the backbone to that of the checkpoint')
    MMLogger.get_current_instance().info(
        f'{name} is interpolated from {rows}x{columns} to {height}x{width} '
        'patches.')
    return resize_pos_embed(
        pos_embed, (rows, columns), target, num_extra_tokens=tokens)
