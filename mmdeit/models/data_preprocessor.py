"""From the bytes of the dataloader to what the student learns from.

A batch stays a few tensors all the way: the number of operations does not
depend on the number of images, and nothing is read back from the device.
"""
from collections.abc import Sequence

import torch
from mmpretrain.models import ClsDataPreprocessor as _ClsDataPreprocessor
from torch import Tensor

from mmdeit.registry import MODELS
from mmdeit.structures import TrainingTargets, read_labels

from .batch_mixing import BatchMixing
from .erasing import Erasing


@MODELS.register_module()
class ClsDataPreprocessor(_ClsDataPreprocessor):
    """mmpretrain's preprocessor, whose training batches stay tensors.

    In training it normalises, then erases and mixes, in the order of the
    official code. In validation and testing it is mmpretrain's.

    Args:
        mean (Sequence[float], optional): Mean of each channel, 0 to 255.
            Defaults to None, which leaves the images as they are.
        std (Sequence[float], optional): Deviation of each channel. Defaults
            to None.
        to_rgb (bool): Whether to reverse the channels. Defaults to False.
        num_classes (int, optional): Number K of classes, needed to mix.
            Defaults to None.
        batch_augments (dict, optional): ``augments``, a list of mmpretrain's
            ``Mixup`` and ``CutMix``, and their ``probs``, as in mmpretrain; an
            ``ImageClassifier`` passes its ``train_cfg``. Defaults to None.
        group_size (int, optional): How many images are mixed alike, see
            :class:`mmdeit.models.BatchMixing`. Defaults to None, the batch.
        **kwargs: The others of mmpretrain's preprocessor.
    """

    def __init__(self,
                 mean: Sequence[float] | None = None,
                 std: Sequence[float] | None = None,
                 to_rgb: bool = False,
                 num_classes: int | None = None,
                 batch_augments: dict | None = None,
                 group_size: int | None = None,
                 **kwargs) -> None:
        super().__init__(
            mean=mean,
            std=std,
            to_rgb=to_rgb,
            num_classes=num_classes,
            **kwargs)
        self._non_blocking = True  # pinned memory is copied meanwhile
        self.erasing = Erasing()
        # mmpretrain's name: its SwitchRecipeHook sets it to None.
        self.batch_augments = batch_augments and BatchMixing(
            num_classes=num_classes, group_size=group_size, **batch_augments)

    def forward(self, data: dict, training: bool = False) -> dict:
        """Prepare a batch.

        Args:
            data (dict): ``inputs``, images ``(N, C, H, W)`` of 0 to 255;
                ``labels`` ``(N, )``, -1 without one; and, where the pipeline
                erases, ``erased`` ``(N, 5)``, see
                :class:`mmdeit.datasets.RandomErasing`; ``views`` ``(N, 3)``,
                see :class:`mmdeit.datasets.ViewDataset`; each stacked or a list
                of N. ``data_samples`` of mmpretrain are taken for labels too.
            training (bool): Whether the batch is trained on. Defaults to
                False.

        Returns:
            dict: ``inputs``, of shape ``(N, C, H, W)``, and ``data_samples``,
            in training :class:`mmdeit.structures.TrainingTargets`.
        """
        if not training and 'labels' not in data:
            return super().forward(data)
        inputs = super().forward(dict(inputs=data['inputs']))['inputs']
        labels = self.cast_data(read_labels(data))
        if not training:
            return dict(
                inputs=inputs, data_samples=list(TrainingTargets(labels)))
        if 'erased' in data:
            erased = data['erased']
            if not isinstance(erased, Tensor):
                erased = torch.stack(erased)
            inputs = self.erasing(inputs, self.cast_data(erased))
        if not self.batch_augments:
            return dict(inputs=inputs, data_samples=TrainingTargets(labels))
        inputs, mixed = self.batch_augments(
            inputs, labels, data.get('views'))
        return dict(
            inputs=inputs, data_samples=TrainingTargets(labels, mixed))
