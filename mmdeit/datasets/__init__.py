from .load_image import LoadImageFromFile
from .repeat_aug_sampler import RepeatAugSampler

__all__ = ['LoadImageFromFile', 'RepeatAugSampler']
