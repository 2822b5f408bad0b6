"""An image and its label as tensors, to be stacked to a batch."""
import numpy as np
import torch
from mmcv.transforms import BaseTransform
from mmpretrain.datasets import PackInputs as _PackInputs

from mmdeit.registry import TRANSFORMS

from .image_list import UNLABELLED


@TRANSFORMS.register_module()
class PackInputs(BaseTransform):
    """The last step of a training pipeline, without a DataSample.

    For :class:`mmdeit.models.ClsDataPreprocessor`. Validation and testing take
    mmpretrain's ``PackInputs``, whose DataSamples carry paths and predictions.
    """

    def transform(self, results: dict) -> dict:
        """Pack ``img`` of shape ``(H, W, C)`` or ``(H, W)``.

        Returns:
            dict: ``inputs``, a tensor of bytes ``(C, H, W)``; ``labels``, the
            class or, without a label, -1; and from :class:`RandomErasing`
            ``erased``, ``(5, )``.

        Raises:
            ValueError: If the image has several labels.
        """
        label = np.asarray(results.get('gt_label', UNLABELLED))
        if label.size != 1:
            raise ValueError(f'an image has {label.size} labels, and a softmax '
                             'over the classes learns one: change the dataset')
        packed = dict(
            inputs=_PackInputs.format_input(results['img']),
            labels=torch.tensor(int(label.item())))
        if 'erased' in results:
            packed['erased'] = torch.tensor(results['erased'])
        return packed
