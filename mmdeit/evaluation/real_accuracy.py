"""Accuracy with the reassessed labels of ImageNet's validation images."""
import json
import re
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from mmdeit.registry import METRICS

from .heads_accuracy import HeadsAccuracy, topk_hits

NUM_IMAGES = 50000
NUM_CLASSES = 1000


@METRICS.register_module()
class ReaLAccuracy(HeadsAccuracy):
    """ImageNet-ReaL, column "Real" of the paper's Table 5 (arXiv 2006.07159).

    A prediction is right if it is among an image's labels; images without any
    (3,163 of the 50,000) are left out. The metrics are those of
    :class:`HeadsAccuracy` under ``real/``, so that both fit one pass.

    Args:
        label_file (str): ``real.json`` of google-research/reassessed-imagenet:
            a list of 50,000 lists of class indices, in the order of
            ``ILSVRC2012_val_00000001`` to ``ILSVRC2012_val_00050000``. Images
            are found in it by their file names, in whatever folder.
        topk, mean_softmax, collect_device: As in :class:`HeadsAccuracy`.
        prefix (str, optional): Defaults to None, which is ``'real'``.

    Raises:
        ValueError: If the label file is missing or has another format; later,
            if an image's name is none of those or no image has a label.
    """
    default_prefix = 'real'

    def __init__(self,
                 label_file: str,
                 topk: Sequence[int] = (1, 5),
                 mean_softmax: bool = False,
                 collect_device: str = 'cpu',
                 prefix: str | None = None) -> None:
        super().__init__(topk, mean_softmax, collect_device, prefix)
        self.label_file = label_file
        self.labels = load_labels(label_file)  # (50000, L)

    def hits(self, scores: Tensor, data_samples: Sequence[dict]) -> Tensor:
        """Whether scores are right: 0, 1 or, without labels, NaN."""
        rows = [self.row(sample.get('img_path')) for sample in data_samples]
        labels = self.labels[rows].to(scores.device)  # (N, L)
        hits = topk_hits(scores, labels, self.topk).float()
        return hits.masked_fill((labels < 0).all(dim=1), torch.nan)

    def row(self, img_path: str | None) -> int:
        """The row of ``labels`` that an image has."""
        name = Path(img_path or '').name
        match = re.match(r'ILSVRC2012_val_(\d{8})\D', name)
        if match is None or not 1 <= int(match[1]) <= NUM_IMAGES:
            raise ValueError(
                f'{self.label_file} has no labels for the image {img_path}: '
                'name images ILSVRC2012_val_00000001.JPEG, as ImageNet does')
        return int(match[1]) - 1

    def compute_metrics(self, results: list[np.ndarray]) -> dict[str, float]:
        """Average over the images that have labels."""
        labelled = [hits for hits in results if not np.isnan(hits).any()]
        if not labelled:
            raise ValueError(f'{self.label_file} labels none of the images')
        return super().compute_metrics(labelled)


def load_labels(label_file: str) -> Tensor:
    """Read ``real.json``: class indices ``(50000, L)``, padded with -1."""
    try:
        lists = json.loads(Path(label_file).expanduser().read_text())
        valid = len(lists) == NUM_IMAGES and all(
            type(k) is int and 0 <= k < NUM_CLASSES
            for labels in lists for k in labels)
    except (OSError, TypeError, ValueError):
        valid = False
    if not valid:
        raise ValueError(
            f'{label_file}: expected {NUM_IMAGES} lists of classes from 0 to '
            f'{NUM_CLASSES - 1}: download real.json from '
            'https://github.com/google-research/reassessed-imagenet')
    width = max(1, *map(len, lists))
    return torch.tensor([ks + [-1] * (width - len(ks)) for ks in lists])
