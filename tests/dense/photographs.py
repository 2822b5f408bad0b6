"""Photographs of several sizes, each with a mask that can be learnt."""
import os
from pathlib import Path
from typing import Iterator, Tuple

import cv2
import numpy as np

FOLDER = Path(__file__).resolve().parents[3] / 'shared/data/trashnet/train'
SIZES = [(512, 384), (384, 384), (240, 384), (512, 200)]


def photographs(number: int) -> Iterator[Tuple[np.ndarray, np.ndarray, int]]:
    """Photographs of refuse with masks.

    Args:
        number (int): How many.

    Yields:
        tuple: The image of shape (H, W, 3), BGR; the mask of its darker part of
        shape (H, W); and its class, 0 to 2.
    """
    folders = ('cardboard', 'glass', 'plastic')
    for i in range(number):
        height, width = SIZES[i % len(SIZES)]
        image = photograph(folders[i % 3], i)[:height, :width]
        grey = cv2.cvtColor(
            cv2.GaussianBlur(image, (31, 31), 0), cv2.COLOR_BGR2GRAY)
        _, mask = cv2.threshold(
            grey, 0, 1, cv2.THRESH_BINARY_INV | cv2.THRESH_OTSU)
        yield image, mask.astype(bool), i % 3


def photograph(kind: str, index: int) -> np.ndarray:
    """A photograph of refuse; a drawing where there is none.

    Args:
        kind (str): What is on it.
        index (int): Which one.

    Returns:
        np.ndarray: Of shape (512, 384, 3), BGR.

    Raises:
        FileNotFoundError: If there is none in CI, where they belong.
    """
    files = sorted((FOLDER / kind).glob('*.jpg'))
    if files:
        return cv2.imread(str(files[index]))
    if os.environ.get('CI'):
        raise FileNotFoundError(
            f'no photographs in {FOLDER / kind}: put them there, or unset CI '
            'to test with drawings')
    return drawing(index)


def drawing(seed: int) -> np.ndarray:
    """A dark ellipse on light noise, of shape (512, 384, 3)."""
    rng = np.random.default_rng(seed)
    image = rng.integers(180, 255, (512, 384, 3), dtype=np.uint8)
    colour = [int(value) for value in rng.integers(0, 120, 3)]
    cv2.ellipse(image, (130, 150), (120 + 10 * seed, 80), 20 * seed, 0, 360,
                colour, -1)
    return image
