"""Mixup and CutMix of a whole batch, in as many operations as for one image."""
from collections.abc import Sequence

import numpy as np
import torch
from mmpretrain.models import CutMix, Mixup, RandomBatchAugment
from torch import Tensor

from mmdeit.randomness import MIXING, seeded_numpy


class BatchMixing(RandomBatchAugment):
    """Mixes each image with its partner, as the official code does.

    The batch is divided into groups: image i of G groups belongs to group
    ``i % G``, as if each group were on a GPU of its own. Every group draws
    Mixup or CutMix, and a lambda and a box, by numpy on the host, as a function
    of its first view; the partner of an image is the one at its place in the
    flipped group. (mmpretrain draws a permutation, and one lambda for the
    batch.)

    Args:
        augments (list[dict]): mmpretrain's ``Mixup`` and ``CutMix``, each with
            its ``alpha``.
        probs (list[float], optional): Probability of each, for each group.
            Defaults to None, even chances.
        num_classes (int): Number K of classes.
        group_size (int, optional): About how many images are mixed alike. The
            recipe has 128, the images of a GPU. Defaults to None, all.

    Raises:
        ValueError: If ``num_classes`` is not given, or something else is to be
            mixed.
    """

    def __init__(self,
                 augments: list[dict],
                 probs: list[float] | None = None,
                 num_classes: int | None = None,
                 group_size: int | None = None) -> None:
        super().__init__(augments, probs)
        if num_classes is None:
            raise ValueError('mixing makes targets for each class: set '
                             'num_classes of the data_preprocessor')
        for augment in self.augments:
            if type(augment) not in (Mixup, CutMix, type(None)):
                raise ValueError(
                    f'Mixup or CutMix, not {type(augment).__name__}: set '
                    "data_preprocessor.type='mmpretrain.ClsDataPreprocessor'")
        self.num_classes = num_classes
        if group_size is not None and group_size < 1:
            raise ValueError(f'group_size is {group_size}: give a number of '
                             'images from 1')
        self.group_size = group_size

    def __call__(self,
                 inputs: Tensor,
                 labels: Tensor,
                 views: Sequence[Tensor] | None = None
                 ) -> tuple[Tensor, Tensor]:
        """Mix a batch.

        Args:
            inputs (Tensor): Images of shape ``(N, C, H, W)``, mixed in place.
            labels (Tensor): Their classes ``(N, )``, -1 without one.
            views (Sequence[Tensor], optional): Their keys ``(N, 3)`` on the
                host, see :class:`mmdeit.datasets.ViewDataset`. Defaults to
                None, which draws from numpy as it is.

        Returns:
            tuple[Tensor, Tensor]: Mixed images ``(N, C, H, W)`` and targets
            ``(N, K)``, not smoothed, in which an image without a label has
            no share.
        """
        count, size = len(inputs), inputs.shape[-2:]
        partner, group = self.partners(count)
        draws = np.array(self._draw_groups(group.max() + 1, size, views))
        # (N, 7): what is drawn, and the number of the partner
        plan = np.column_stack((draws[group], partner)).astype(np.float32)
        plan = torch.from_numpy(plan).to(inputs.device, non_blocking=True)
        lam, share = plan[:, :2, None].unbind(1)  # N, 1
        partner = plan[:, 6].long()

        targets = labels.new_zeros(count, self.num_classes, dtype=torch.float)
        targets = targets.scatter_(
            1, labels.clamp(min=0)[:, None], (labels >= 0).float()[:, None])
        targets = torch.lerp(targets[partner], targets, lam)
        share = box_mask(plan[:, 2:6], size).add_(share[..., None, None])
        return inputs.lerp_(inputs[partner], share), targets

    def _draw_groups(self, groups: int, size: Sequence[int],
                     views: Sequence[Tensor] | None) -> list[tuple]:
        if views is None:
            return [self.draw(size) for _ in range(groups)]
        draws = []
        for first in views[:groups]:
            with seeded_numpy(*first.tolist(), MIXING):
                draws.append(self.draw(size))
        return draws

    def partners(self, count: int) -> tuple[np.ndarray, np.ndarray]:
        """The partner and the group of each of N images, both ``(N, )``."""
        groups = max(1, round(count / (self.group_size or count)))
        place, group = np.divmod(np.arange(count), groups)
        last = (count - 1 - group) // groups  # place of the group's last image
        return (last - place) * groups + group, group

    def draw(self, size: Sequence[int]) -> tuple[float, ...]:
        """Draw how a group of images of a height and width is mixed.

        Returns:
            tuple[float, ...]: The image's share of the target; its partner's
            share of each pixel outside of a box; top, left, bottom and right
            of the box, within which all is the partner's.
        """
        augment = self.augments[np.random.choice(
            len(self.augments), p=self.probs)]
        if augment is None:
            return 1., 0., 0, 0, 0, 0
        lam = np.random.beta(augment.alpha, augment.alpha)
        if type(augment) is Mixup:
            return lam, 1 - lam, 0, 0, 0, 0
        (top, bottom, left, right), lam = augment.cutmix_bbox_and_lam(size, lam)
        return lam, 0., top, left, bottom, right


def box_mask(boxes: Tensor, size: Sequence[int]) -> Tensor:
    """Which pixels of images of size H, W lie within a box.

    Args:
        boxes (Tensor): Top, left, bottom and right of N boxes, ``(N, 4)``; the
            last two are exclusive.
        size (Sequence[int]): H and W.

    Returns:
        Tensor: 1 inside and 0 outside, of shape ``(N, 1, H, W)``.
    """
    top, left, bottom, right = boxes[:, :, None].unbind(1)  # N, 1
    y, x = (torch.arange(side, device=boxes.device) for side in size)
    rows = ((top <= y) & (y < bottom)).float()  # N, H
    columns = ((left <= x) & (x < right)).float()  # N, W
    return (rows[:, :, None] * columns[:, None, :])[:, None]
