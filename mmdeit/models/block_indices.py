"""Which blocks of a backbone the indices in its config mean."""
from typing import List, Optional, Sequence, Union


def block_indices(name: str, indices: Union[int, Sequence[int]],
                  depth: int) -> List[int]:
    """Count blocks from the first one.

    Args:
        name (str): What the indices are called in the error.
        indices (int | Sequence[int]): Negative ones count from the end.
        depth (int): Number of blocks.

    Returns:
        list[int]: The indices in the same order, each from 0 to depth - 1.

    Raises:
        ValueError: If there is no such block.
    """
    indices = indices if isinstance(indices, Sequence) else [indices]
    for index in indices:
        if index not in range(-depth, depth):
            raise ValueError(
                f'{name} has {index}, expected {-depth} to {depth - 1}: the '
                f'backbone has {depth} blocks')
    return [index % depth for index in indices]


def windowed_blocks(window_size: Optional[int],
                    global_indices: Optional[Sequence[int]],
                    depth: int) -> List[int]:
    """Choose the blocks whose attention is windowed.

    Args:
        window_size (int, optional): Side of a window in patches; None for no
            windows.
        global_indices (Sequence[int], optional): The other blocks; None for
            the ends of four equal parts, as in ViTDet.
        depth (int): Number of blocks.

    Returns:
        list[int]: Their indices.

    Raises:
        ValueError: If ``window_size`` is no positive integer, or if there is
            no such block.
    """
    if global_indices is None:
        global_indices = [-(-depth * part // 4) - 1 for part in (1, 2, 3, 4)]
    chosen = block_indices('global_indices', global_indices, depth)
    if window_size is None:
        return []
    if not isinstance(window_size, int) or window_size < 1:
        raise ValueError(
            f'window_size is {window_size}, expected a whole number of patches '
            'from 1: give for instance 14, or None for global attention')
    return [i for i in range(depth) if i not in chosen]
