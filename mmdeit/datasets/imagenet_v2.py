"""ImageNet-V2, a second test set for models trained on ImageNet-1k."""
import logging

from mmengine.logging import print_log
from mmpretrain.datasets import CustomDataset
from mmpretrain.datasets.categories import IMAGENET_CATEGORIES
from mmpretrain.datasets.custom import find_folders, get_samples

from mmdeit.registry import DATASETS

from .image_list import check_image_list


@DATASETS.register_module()
class ImageNetV2(CustomDataset):
    """ImageNet-V2 (arXiv 1902.10811), column "V2" of the paper's Table 5.

    The archives of https://huggingface.co/datasets/vaishaal/ImageNetV2 hold
    ten images in each of the folders ``0`` to ``999``, named by the class.
    (mmpretrain's ``CustomDataset`` numbers them as text: ``0``, ``1``, ``10``.)

    With an ``ann_file`` of lines ``FOLDER/FILE LABEL``, the images are those
    of the list; each label must be that of its folder.

    Args:
        data_root (str): The folder of the folders, such as
            ``'imagenetv2-matched-frequency-format-val'``.
        **kwargs: Those of mmpretrain's ``CustomDataset``.

    Raises:
        ValueError: If the folders are not those of the classes or have no
            images, or the list does not match them or leads out of them.
    """
    METAINFO = dict(classes=IMAGENET_CATEGORIES)

    def _find_samples(self) -> list[tuple[str, int]]:
        self.folder_to_idx = {str(i): i for i in range(len(self.CLASSES))}
        found = set(find_folders(self.img_prefix)[0])
        samples, empty = [], found ^ set(self.folder_to_idx)
        if not empty:
            samples, empty = get_samples(self.img_prefix, self.folder_to_idx,
                                         self.is_valid_file)
        if empty:
            raise ValueError(
                f'{self.img_prefix}: expected images in the folders 0 to '
                f'{len(self.CLASSES) - 1}, but {min(empty)!r} is missing, '
                'empty or another: extract the archive again')
        expected = 10 * len(self.CLASSES)
        if len(samples) != expected:
            print_log(
                f'{self.img_prefix} has {len(samples)} images, ImageNet-V2 has '
                f'{expected}: its archive may not be extracted to the end.',
                'current', logging.WARNING)
        return samples

    def load_data_list(self) -> list[dict]:
        if not self.ann_file:
            return super().load_data_list()
        check_image_list(self.ann_file, self.img_prefix, labelled=True)
        data_list = super().load_data_list()
        for line, info in enumerate(data_list, 1):
            folder, name = info['img_path'].split('/')[-2:]
            if folder != str(info['gt_label']):
                raise ValueError(
                    f"{self.ann_file}, line {line}: {folder}/{name} has the "
                    f"label {info['gt_label']}, expected that of its folder")
        return data_list
