"""Top-k accuracy of the joint prediction and of each of DeiT's heads."""
from collections.abc import Sequence

import numpy as np
import torch
from mmengine.evaluator import BaseMetric
from torch import Tensor

from mmdeit.registry import METRICS

# field of the predictions: prefix of its metrics
_PREDICTIONS = {
    'pred_score': '',
    'class_score': 'class_',
    'distill_score': 'distill_',
}


@METRICS.register_module()
class HeadsAccuracy(BaseMetric):
    """Accuracy as in the paper's Table 3, all heads in one pass, in percent.

    The metrics are ``accuracy/top1`` and so on for the joint prediction, as
    mmpretrain's ``Accuracy`` names them; ``accuracy/class_top1`` and
    ``accuracy/distill_top1`` for the heads, where the model has them. The
    joint prediction is the mean of the heads' logits, as in the official code;
    ``accuracy/softmax_top1`` is that of the paper's text (Section 4), which
    adds their softmax outputs.

    Args:
        topk (Sequence[int]): The values of k. Defaults to ``(1, 5)``.
        mean_softmax (bool): Whether to report ``softmax_`` too, where the
            model has two heads. Defaults to False.
        collect_device (str): ``'cpu'`` or ``'gpu'``. Defaults to ``'cpu'``.
        prefix (str, optional): Defaults to None, which is ``'accuracy'``.

    Raises:
        ValueError: In ``process``, if a k exceeds the number of classes.
    """
    default_prefix = 'accuracy'

    def __init__(self,
                 topk: Sequence[int] = (1, 5),
                 mean_softmax: bool = False,
                 collect_device: str = 'cpu',
                 prefix: str | None = None) -> None:
        super().__init__(collect_device=collect_device, prefix=prefix)
        self.topk = tuple(topk)
        self.mean_softmax = mean_softmax

    def process(self, data_batch: dict, data_samples: Sequence[dict]) -> None:
        """Compare the predictions for a batch with its labels."""
        scores = [
            torch.stack([sample[field] for sample in data_samples])
            for field in _PREDICTIONS if field in data_samples[0]
        ]
        if self.mean_softmax and len(scores) == len(_PREDICTIONS):
            scores.append((scores[1] + scores[2]) / 2)
        hits = [self.hits(score, data_samples) for score in scores]
        # (heads, K, N) -> N arrays of (heads, K): one for each image, so that
        # what padding added to the last distributed batch can be dropped.
        self.results.extend(torch.stack(hits).permute(2, 0, 1).cpu().numpy())

    def hits(self, scores: Tensor, data_samples: Sequence[dict]) -> Tensor:
        """Whether scores ``(N, C)`` are right: booleans ``(K, N)``."""
        labels = torch.stack([sample['gt_label'] for sample in data_samples])
        return topk_hits(scores, labels, self.topk)

    def compute_metrics(self, results: list[np.ndarray]) -> dict[str, float]:
        """Average over the images, each with booleans ``(heads, K)``."""
        accuracy = 100 * np.stack(results).mean(axis=0)  # (heads, K)
        return {
            f'{prefix}top{k}': float(percent)
            for prefix, row in zip((*_PREDICTIONS.values(), 'softmax_'),
                                   accuracy)
            for k, percent in zip(self.topk, row)
        }


def topk_hits(scores: Tensor, labels: Tensor, topk: Sequence[int]) -> Tensor:
    """Whether a label is among the k best scores, booleans ``(K, N)``.

    Args:
        scores (Tensor): Scores of shape ``(N, C)``.
        labels (Tensor): The L right answers to each image, of shape ``(N, L)``;
            -1 is none.
        topk (Sequence[int]): K values of k.
    """
    if max(topk) > scores.size(1):
        raise ValueError(f'top-{max(topk)} of {scores.size(1)} classes: lower '
                         'topk in val_evaluator and test_evaluator')
    best = scores.topk(max(topk), dim=1).indices  # (N, k)
    found = (best[:, :, None] == labels[:, None, :]).any(dim=2)  # (N, k)
    return torch.stack([found[:, :k].any(dim=1) for k in topk])
