"""The position embedding of a grid of patches, at the size another has."""
from math import isqrt
from typing import Optional, Sequence, Tuple, Union

from mmengine.logging import MMLogger
from mmengine.utils import to_2tuple
from mmpretrain.models.utils import resize_pos_embed
from torch import Tensor

Grid = Tuple[int, int]


def patch_grid(name: str, size: Union[int, Sequence[int]],
               patch_size: int) -> Grid:
    """Rows and columns of patches in an image.

    Args:
        name (str): What the size is called in the error.
        size (int | Sequence[int]): Height and width in pixels.
        patch_size (int): Side of a patch in pixels.

    Returns:
        tuple[int, int]: Rows and columns.

    Raises:
        ValueError: If the patch does not divide the image.
    """
    height, width = to_2tuple(size)
    if height % patch_size or width % patch_size:
        raise ValueError(
            f'{name} {height}x{width} is not a multiple of patch_size '
            f'{patch_size}: choose for instance '
            f'{height // patch_size * patch_size}x'
            f'{width // patch_size * patch_size}')
    return height // patch_size, width // patch_size


def load_positions(name: str, pos_embed: Tensor, tokens: int,
                   source: Optional[Grid], target: Grid) -> Tensor:
    """Interpolate the positions of a checkpoint for a model.

    mmpretrain takes every grid for a square one, and cuts what is none.

    Args:
        name (str): Name of the tensor in the checkpoint.
        pos_embed (Tensor): Of shape ``(1, tokens + patches, C)``.
        tokens (int): Positions before those of the patches; they stay.
        source (tuple[int, int], optional): Grid of the checkpoint; None
            stands for a square.
        target (tuple[int, int]): Grid of the model. A checkpoint with as many
            patches is taken for one of the same grid.

    Returns:
        Tensor: Of shape ``(1, tokens + patches of the model, C)``.

    Raises:
        ValueError: If the number of patches is not that of ``source``.
    """
    patches = pos_embed.shape[1] - tokens
    height, width = target
    if patches == height * width:
        return pos_embed
    grid = source or (isqrt(max(patches, 0)), ) * 2
    if patches < 1 or grid[0] * grid[1] != patches:
        other = ('a square number' if source is None else
                 f'{grid[0] * grid[1]} ({grid[0]}x{grid[1]})')
        raise ValueError(
            f'{name} is for {patches} patches, expected {height * width} '
            f'({height}x{width}) or {other}: set pretrain_img_size of the '
            'backbone to the images that the checkpoint was trained on')
    MMLogger.get_current_instance().info(
        f'{name} is interpolated from {grid[0]}x{grid[1]} to '
        f'{height}x{width} patches.')
    return resize_pos_embed(
        pos_embed, grid, target, num_extra_tokens=tokens)
