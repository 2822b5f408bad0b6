"""ImageNet-1k from its folders, where nothing is left out silently."""
from mmpretrain.datasets import ImageNet as _ImageNet

from mmdeit.registry import DATASETS

from .custom_dataset import CustomDataset


@DATASETS.register_module()
class ImageNet(CustomDataset, _ImageNet):
    """mmpretrain's ``ImageNet``, its folders read as by our CustomDataset."""
