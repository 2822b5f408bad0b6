"""Random erasing of a whole batch, by noise that any device reads alike."""
import numpy as np
import torch
from torch import Tensor

from .batch_mixing import box_mask

NOISES = 2**20


class Erasing:
    """Fills boxes with normal noise of mean 0 and deviation 1, as official.

    To draw noise on the device would give other numbers on another GPU, and on
    the host takes as long as a step. So there is one series of normal numbers,
    and a noise is a window of it: which one is chosen with the box.
    """

    def __init__(self) -> None:
        self._series = torch.empty(0)

    def __call__(self, inputs: Tensor, erased: Tensor) -> Tensor:
        """Erase a batch.

        Args:
            inputs (Tensor): Normalised images ``(N, C, H, W)``, changed in
                place.
            erased (Tensor): What :class:`mmdeit.datasets.RandomErasing` has
                chosen for each: top, left, bottom and right, and the number of
                its noise, ``(N, 5)``.

        Returns:
            Tensor: The images, of shape ``(N, C, H, W)``.
        """
        size = inputs[0].numel()
        if len(self._series) < NOISES + size:
            series = np.random.RandomState(0).standard_normal(NOISES + size)
            self._series = torch.from_numpy(series).to(inputs)
        noise = self._series.unfold(0, size, 1)[erased[:, 4] % NOISES]
        mask = box_mask(erased[:, :4], inputs.shape[-2:])
        return inputs.lerp_(noise.view_as(inputs), mask)
