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
        name (str): Of the tensor, for messages.
        pos_embed (Tensor): Of shape ``(1, tokens + patches, C)``.
        tokens (int): Positions before those of the patches; they stay.
        source (tuple[int, int] | None): Grid of the checkpoint, rows and
            columns; None for a square.
        target (tuple[int, int]): Grid of the model. Nothing changes where it
            has as many patches.

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
    return resize(name, pos_embed, tokens, (rows, columns), target)


def resize(name: str, pos_embed: Tensor, tokens: int, source: tuple[int, int],
           target: tuple[int, int]) -> Tensor:
    """Interpolate a position embedding, and log it.

    Arguments are those of :func:`load_positions`, with both grids known.
    """
    MMLogger.get_current_instance().info(
        f'{name} is interpolated from {source[0]}x{source[1]} to '
        f'{target[0]}x{target[1]} patches.')
    return resize_pos_embed(
        pos_embed, source, target, num_extra_tokens=tokens)
