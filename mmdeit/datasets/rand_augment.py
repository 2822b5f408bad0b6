"""RandAugment by faster operations."""
from mmpretrain.datasets import RandAugment as _RandAugment

from mmdeit.registry import TRANSFORMS

from . import point_operations

# the names of all operations of mmpretrain that have a faster one here
FASTER = {*point_operations.__all__, 'Sharpness', 'Translate'}


@TRANSFORMS.register_module()
class RandAugment(_RandAugment):
    """mmpretrain's ``RandAugment``, with this package's operations.

    Arguments and random numbers are mmpretrain's, and so are the pixels, but
    for those of :class:`mmdeit.datasets.Translate`. A policy's operation is
    this package's if it has one of its name, otherwise, or where a policy says
    ``'mmpretrain.Equalize'``, mmpretrain's.

    Args:
        policies (str | list[dict]): Name of a set of policies, or themselves.
        num_policies (int): Operations to choose for an image.
        magnitude_level (float): Their strength.
        **kwargs: Other arguments of mmpretrain's ``RandAugment``.
    """

    def __init__(self, policies: str | list[dict], num_policies: int,
                 magnitude_level: float, **kwargs) -> None:
        super().__init__(policies, num_policies, magnitude_level, **kwargs)
        for i, policy in enumerate(self.policies):
            if policy['type'] in FASTER:
                self.transforms[i] = TRANSFORMS.build(
                    {**policy, 'type': f"mmdeit.{policy['type']}"})
