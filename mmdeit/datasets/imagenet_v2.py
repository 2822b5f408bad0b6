"""ImageNet-V2, a second test set for models trained on ImageNet-1k."""
import logging

from mmengine.logging import print_log
from mmpretrain.datasets.categories import IMAGENET_CATEGORIES

from mmdeit.registry import DATASETS

from .custom_dataset import CustomDataset
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
        **kwargs: Those of :class:`CustomDataset`.

    Raises:
        ValueError: If the folders are not those of the classes or have no
            images, or the list does not match them or leads out of them.
    """
    METAINFO = dict(classes=IMAGENET_CATEGORIES)

    def map_folders(self, folders: list[str]) -> dict[str, int]:
        labels = {str(i): i for i in range(len(self.CLASSES))}
        self._refuse(set(folders) ^ set(labels))
        return labels

    def _find_samples(self) -> list[tuple[str, int]]:
        samples = super()._find_samples()
        self._refuse(set(self.folder_to_idx.values()).difference(
            label for _, label in samples))
        expected = 10 * len(self.CLASSES)
        if len(samples) != expected:
            print_log(
                f'{self.img_prefix} has {len(samples)} images, ImageNet-V2 has '
                f'{expected}: its archive may not be extracted to the end.',
                'current', logging.WARNING)
        return samples

    def _refuse(self, folders: set) -> None:
        if folders:
            raise ValueError(
                f'{self.img_prefix}: expected images in the folders 0 to '
                f'{len(self.CLASSES) - 1}, but {str(min(folders))!r} is '
                'missing, empty or another: extract the archive again')

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
