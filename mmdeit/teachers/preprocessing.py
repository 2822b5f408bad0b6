"""From the student's images to those a teacher was trained on."""
from dataclasses import dataclass
from typing import Any, Sequence

import torch
import torch.nn.functional as F
from mmengine.utils import to_2tuple
from mmpretrain.models import ClsDataPreprocessor
from torch import Tensor, nn

# What a data preprocessor of mmpretrain has that says nothing of the images.
OF_LABELS = ('type', '_scope_', 'num_classes', 'to_onehot', 'batch_augments')


@dataclass(frozen=True)
class StudentSpec:
    """The images and classes of a student: all a teacher has to know of it.

    Args:
        num_classes (int): Number K of the student's classes.
        mean (Sequence[float]): Mean that its images were shifted by, in units
            of 0 to 255, for each channel or one for all. Defaults to 0.
        std (Sequence[float]): What they were divided by. Defaults to 1.
        to_rgb (bool): Whether the channels of the images as loaded were
            reversed. Defaults to False.
        class_names (Sequence[str], optional): Names of the classes, in order.
            Defaults to None, unknown.
    """
    num_classes: int
    mean: Sequence[float] = (0., )
    std: Sequence[float] = (1., )
    to_rgb: bool = False
    class_names: Sequence[str] | None = None

    @classmethod
    def of(cls,
           student: nn.Module,
           class_names: Sequence[str] | None = None) -> 'StudentSpec':
        """Read the spec off a classifier of mmpretrain."""
        own = student.data_preprocessor
        # Some heads of mmpretrain do not say it, as InceptionV3's.
        head = getattr(student, 'head', None)
        num_classes = (getattr(head, 'num_classes', None)
                       or getattr(own, 'num_classes', None))
        if num_classes is None:
            raise ValueError('the student does not say its num_classes: set '
                             'it in its head or its data_preprocessor')
        return cls(num_classes, class_names=class_names, **_read(own))


def _read(data_preprocessor: Any) -> dict[str, Any]:
    """What a data preprocessor of mmpretrain says, as far as it does."""
    stated = {
        name: tuple(getattr(data_preprocessor, name).flatten().tolist())
        for name in ('mean', 'std')
        if getattr(data_preprocessor, name, None) is not None
    }
    to_rgb = getattr(data_preprocessor, 'to_rgb', None)
    return stated if to_rgb is None else dict(stated, to_rgb=to_rgb)


def rgb_normalization(mean: Sequence[float],
                      std: Sequence[float]) -> ClsDataPreprocessor:
    """What a network in RGB says of itself, from units of 0 to 1.

    Its ``to_rgb`` is None: RGB is taken to be what the student has.
    """
    return ClsDataPreprocessor(
        mean=[255 * value for value in mean],
        std=[255 * value for value in std],
        to_rgb=None)


def resolve_normalization(network: nn.Module,
                          spec: StudentSpec,
                          stated: dict | None = None) -> dict[str, Any]:
    """Find ``mean``, ``std`` and ``to_rgb`` for :class:`Preprocessing`.

    First comes what is ``stated`` as the ``data_preprocessor`` of the
    teacher's config, then what that of its network says. The student's fills
    the gaps.
    """
    own = getattr(network, 'data_preprocessor', None)
    # One that does not normalise says nothing of the order either.
    said = _read(own) if getattr(own, 'mean', None) is not None else {}
    stated = {k: v for k, v in (stated or {}).items() if k not in OF_LABELS}
    students = dict(mean=spec.mean, std=spec.std, to_rgb=spec.to_rgb)
    return {**students, **said, **stated}


class Preprocessing(nn.Module):
    """Channel order, normalisation and size of one teacher.

    It starts from the student's tensor, which is mixed already: undoing one
    affine normalisation and doing another commutes with Mixup and CutMix.
    Where teacher and student agree nothing is computed, and the teacher sees
    the very same tensor.

    Args:
        spec (StudentSpec): What the student sees.
        mean (Sequence[float]): The teacher's, for each of its channels in its
            own order, in units of 0 to 255.
        std (Sequence[float]): The same.
        to_rgb (bool): As in mmpretrain's ``data_preprocessor``.
        input_size (int | tuple[int, int], optional): Height and width it
            wants, by antialiased bicubic interpolation. Defaults to None, the
            student's.
    """

    def __init__(self,
                 spec: StudentSpec,
                 mean: Sequence[float],
                 std: Sequence[float],
                 to_rgb: bool,
                 input_size: int | Sequence[int] | None = None) -> None:
        super().__init__()
        self.arguments = dict(
            spec=spec, mean=mean, std=std, to_rgb=to_rgb,
            input_size=input_size)
        self.flip = spec.to_rgb != to_rgb
        self.size = None if input_size is None else tuple(to_2tuple(input_size))
        # Rounded to fp32, as data preprocessors do, to be divided in fp64.
        seen_mean, seen_std, mean, std = (
            torch.tensor(v, dtype=torch.float32).flatten().double()
            for v in (spec.mean, spec.std, mean, std))
        lengths = {len(v) for v in (seen_mean, seen_std, mean, std)} - {1}
        if len(lengths) > 1 or not (std > 0).all():
            raise ValueError(
                f'mean={mean.tolist()} and std={std.tolist()} for images of '
                f'{len(seen_mean)} channels: give a number for each, std > 0')
        if self.flip:
            seen_mean, seen_std = seen_mean.flip(0), seen_std.flip(0)
        scale = seen_std / std
        shift = (seen_mean - mean) / std
        self.same = bool((scale == 1).all() and (shift == 0).all())
        # (C, 1, 1), against images of (N, C, H, W)
        for name, value in (('scale', scale), ('shift', shift)):
            self.register_buffer(
                name, value.float()[:, None, None], persistent=False)
        self.eval()

    def replace(self, **changes) -> 'Preprocessing':
        """The same preprocessing but for some of its arguments."""
        device = self.scale.device
        return Preprocessing(**{**self.arguments, **changes}).to(device)

    def forward(self, inputs: Tensor) -> Tensor:
        """Map the student's images ``(N, C, H, W)`` to the teacher's."""
        if self.flip:
            inputs = inputs.flip(1)
        if not self.same:
            inputs = inputs * self.scale + self.shift
        elif inputs.size(1) < len(self.scale):  # grey, for a teacher in colour
            inputs = inputs.expand(-1, len(self.scale), -1, -1)
        if self.size not in (None, tuple(inputs.shape[-2:])):
            inputs = F.interpolate(
                inputs, self.size, mode='bicubic', antialias=True)
        return inputs
