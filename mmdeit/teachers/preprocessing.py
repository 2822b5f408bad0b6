"""From the student's images to those a teacher was trained on."""
from typing import Optional, Sequence, Union

import torch
import torch.nn.functional as F
from mmengine.utils import to_2tuple
from torch import Tensor, nn

from .student_spec import StudentSpec

# What a data preprocessor of mmpretrain has that says nothing of the images.
OF_LABELS = ('type', '_scope_', 'num_classes', 'to_onehot', 'batch_augments')


class Preprocessing(nn.Module):
    """Channel order, normalisation and size of one teacher.

    It starts from the student's tensor, which is mixed already: undoing one
    affine normalisation and doing another commutes with Mixup and CutMix.
    Where teacher and student agree nothing is computed, and the teacher sees
    the very same tensor.

    Args:
        spec (StudentSpec): What the student sees.
        mean (Sequence[float]): The teacher's mean for each channel, in units
            of 0 to 255 and in its own order of channels.
        std (Sequence[float]): Its standard deviation.
        to_rgb (bool): Whether it wants the channels of the images as loaded
            reversed, as in mmpretrain's ``data_preprocessor``.
        input_size (int | tuple[int, int], optional): Height and width it
            wants, by antialiased bicubic interpolation. Defaults to None, the
            student's.

    Raises:
        ValueError: If one of them is something else, or they are not for the
            same number of channels.
    """

    def __init__(
        self,
        spec: StudentSpec,
        mean: Sequence[float],
        std: Sequence[float],
        to_rgb: bool,
        input_size: Optional[Union[int, Sequence[int]]] = None,
    ) -> None:
        super().__init__()
        self.arguments = dict(
            spec=spec, mean=mean, std=std, to_rgb=to_rgb,
            input_size=input_size)
        self.flip = spec.to_rgb != to_rgb
        self.size = None if input_size is None else _size(input_size)
        seen_mean, seen_std, mean, std = map(
            _per_channel, (spec.mean, spec.std, mean, std))
        if len({len(v) for v in (seen_mean, seen_std, mean, std)} - {1}) > 1:
            raise ValueError(
                f'{len(mean)} numbers of mean and {len(std)} of std, but the '
                f"student's images have {len(seen_mean)} channels: give one "
                'for each')
        if not (std > 0).all():
            raise ValueError(f'std is {std.tolist()}: give numbers above 0')
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


def _per_channel(values: Sequence[float]) -> Tensor:
    """Rounded to fp32, as data preprocessors do, to be divided in fp64."""
    try:
        return torch.tensor(values, dtype=torch.float32).flatten().double()
    except (TypeError, ValueError) as error:
        raise ValueError(f'mean or std is {values!r}: give a number for each '
                         'channel') from error


def _size(size: Union[int, Sequence[int]]) -> Sequence[int]:
    height_width = to_2tuple(size)
    if len(height_width) != 2 or not all(
            isinstance(pixels, int) and pixels > 0 for pixels in height_width):
        raise ValueError(f'input_size is {size!r}: give a number of pixels, or '
                         'those of height and width')
    return height_width


def normalisation(model: nn.Module,
                  spec: StudentSpec,
                  stated: Optional[dict] = None) -> dict:
    """Find out how a teacher wants its images.

    Args:
        model (nn.Module): The teacher's network, whose ``data_preprocessor``
            may say it. One whose ``to_rgb`` is None wants RGB, which is what
            the student has.
        spec (StudentSpec): What the student sees, which fills the gaps.
        stated (dict, optional): ``data_preprocessor`` of the teacher's config,
            whose ``mean``, ``std`` and ``to_rgb`` come first. Defaults to
            None.

    Returns:
        dict: ``mean``, ``std`` and ``to_rgb`` for :class:`Preprocessing`.

    Raises:
        ValueError: If more is stated about the images than these.
    """
    stated = {k: v for k, v in (stated or {}).items() if k not in OF_LABELS}
    own = getattr(model, 'data_preprocessor', None)
    result = dict(mean=spec.mean, std=spec.std, to_rgb=spec.to_rgb)
    if getattr(own, 'mean', None) is not None:
        result.update(
            mean=own.mean.flatten().tolist(), std=own.std.flatten().tolist())
        if own.to_rgb is not None:
            result['to_rgb'] = own.to_rgb
    unknown = ', '.join(stated.keys() - result.keys())
    if unknown:
        raise ValueError(f'data_preprocessor has {unknown}: give mean, std and '
                         'to_rgb, and input_size beside it')
    return {**result, **stated}
