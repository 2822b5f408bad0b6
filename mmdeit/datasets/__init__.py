from .custom_dataset import CustomDataset
from .imagenet import ImageNet
from .imagenet_v2 import ImageNetV2
from .inaturalist import INaturalist
from .load_image import LoadImageFromFile
from .pack_inputs import PackInputs
from .random_erasing import RandomErasing
from .repeat_aug_sampler import RepeatAugSampler
from .views import View, ViewDataset, ViewSampler

__all__ = [
    'CustomDataset', 'ImageNet', 'ImageNetV2', 'INaturalist',
    'LoadImageFromFile', 'PackInputs', 'RandomErasing', 'RepeatAugSampler',
    'View', 'ViewDataset', 'ViewSampler'
]
