from .custom_dataset import CustomDataset
from .imagenet import ImageNet
from .imagenet_v2 import ImageNetV2
from .inaturalist import INaturalist
from .load_image import LoadImageFromFile
from .pack_inputs import PackInputs
from .random_erasing import RandomErasing
from .random_flip import RandomFlip
from .random_resized_crop import RandomResizedCrop
from .repeat_aug_sampler import RepeatAugSampler
from .resize_edge import ResizeEdge
from .views import View, ViewDataset, ViewSampler

__all__ = [
    'CustomDataset', 'ImageNet', 'ImageNetV2', 'INaturalist',
    'LoadImageFromFile', 'PackInputs', 'RandomErasing', 'RandomFlip',
    'RandomResizedCrop', 'RepeatAugSampler', 'ResizeEdge', 'View',
    'ViewDataset', 'ViewSampler'
]
