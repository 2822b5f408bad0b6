"""Repeated augmentation, with the official order and length of an epoch."""
from collections.abc import Sized

from mmengine.logging import print_log
from mmpretrain.datasets import RepeatAugSampler as _RepeatAugSampler

from mmdeit.registry import DATA_SAMPLERS


@DATA_SAMPLERS.register_module()
class RepeatAugSampler(_RepeatAugSampler):
    """The official ``RASampler``, view by view (arXiv 1901.09335).

    The images are shuffled, each is repeated ``num_repeats`` times in a row,
    and the ranks take turns, so that the views of an image meet on different
    GPUs. An epoch has as many views as there are images, rounded down to a
    multiple of 256 (mmpretrain's class keeps them all): 1,281,024 views of
    about 427,000 images of ImageNet.

    On one process the official code quietly takes a plain random sampler.
    Here repetition stays, and a line in the log says so.

    Args:
        dataset (Sized): The dataset. Below 256 images none is dropped.
        num_repeats (int): Views of each image. Defaults to 3.
        shuffle (bool): Whether to shuffle. Defaults to True.
        seed (int, optional): Of the shuffling, plus the epoch; officially 0.
            Defaults to None, the Runner's.
    """

    def __init__(self,
                 dataset: Sized,
                 num_repeats: int = 3,
                 shuffle: bool = True,
                 seed: int | None = None) -> None:
        if num_repeats < 1:
            raise ValueError(f'num_repeats is {num_repeats}: give a number of '
                             'views from 1')
        super().__init__(
            dataset, shuffle=shuffle, num_repeats=num_repeats, seed=seed)
        views = len(dataset) // 256 * 256 or len(dataset)
        self.num_selected_samples = views // self.world_size
        if self.world_size == 1 and num_repeats > 1:
            print_log(
                f'RepeatAugSampler on one process: the {num_repeats} views of '
                'an image share a batch.', 'current')
