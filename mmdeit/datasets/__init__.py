from .custom_dataset import CustomDataset
from .imagenet import ImageNet
from .imagenet_v2 import ImageNetV2
from .inaturalist import INaturalist
from .load_image import LoadImageFromFile
from .pack_inputs import PackInputs
from .point_operations import (
    AutoContrast,
    Brightness,
    Contrast,
    Equalize,
    Solarize,
    SolarizeAdd,
)
from .rand_augment import RandAugment
from .random_erasing import RandomErasing
from .random_flip import RandomFlip
from .random_resized_crop import RandomResizedCrop
from .repeat_aug_sampler import RepeatAugSampler
from .resize_edge import ResizeEdge
from .sharpness import Sharpness
from .translate import Translate
from .views import View, ViewDataset, ViewSampler

__all__ = [
    'AutoContrast', 'Brightness', 'Contrast', 'CustomDataset', 'Equalize',
    'ImageNet', 'ImageNetV2', 'INaturalist', 'LoadImageFromFile', 'PackInputs',
    'RandAugment', 'RandomErasing', 'RandomFlip', 'RandomResizedCrop',
    'RepeatAugSampler', 'ResizeEdge', 'Sharpness', 'Solarize', 'SolarizeAdd',
    'Translate', 'View', 'ViewDataset', 'ViewSampler'
]
