"""Resizing bytes by torch, several times as fast as Pillow."""
import numpy as np
import torch
from torch.nn.functional import interpolate


def resize(img: np.ndarray, size: tuple[int, int],
           interpolation: str) -> np.ndarray:
    """Resize an image as Pillow does, columns first, with its antialiasing.

    Of bytes, values differ from Pillow's by 2 at most, as torch's weights have
    16 bits. (From version 13 on Pillow resizes rows first where that is faster,
    and then differs from its own earlier versions by more.)

    Args:
        img (np.ndarray): Shape ``(H, W, C)`` or ``(H, W)``; may be a part of
            another image.
        size (tuple[int, int]): Height and width to resize to.
        interpolation (str): ``'bicubic'`` or ``'bilinear'``.
    """
    if min(img.strides) < 0:  # RGB read as BGR, which torch cannot
        img = img.copy()
    if img.ndim == 2:
        return resize(img[..., None], size, interpolation)[..., 0]
    # as channels last, for which torch is the fastest and returns the same
    pixels = torch.from_numpy(img)[None].permute(0, 3, 1, 2)
    resized = interpolate(pixels, size, mode=interpolation, antialias=True)
    return resized.permute(0, 2, 3, 1)[0].numpy()
