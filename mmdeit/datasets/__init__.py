from .imagenet_v2 import ImageNetV2
from .inaturalist import INaturalist
from .load_image import LoadImageFromFile
from .repeat_aug_sampler import RepeatAugSampler

__all__ = [
    'ImageNetV2', 'INaturalist', 'LoadImageFromFile', 'RepeatAugSampler'
]
