"""ViTDet's neck: a feature pyramid from the last map of a plain backbone.

It needs neither mmdet nor mmsegmentation; both can build it.
"""
from typing import Sequence

from mmcv.cnn import build_norm_layer
from mmengine.model import BaseModule
from torch import Tensor, nn

from mmdeit.registry import MODELS

_STRIDES = (4, 8, 16, 32, 64)


@MODELS.register_module()
class SimpleFeaturePyramid(BaseModule):
    """Strides 4 to 64 from one map of stride 16, without a top-down path.

    *Exploring Plain Vision Transformer Backbones for Object Detection*
    (`arXiv 2203.16527 <https://arxiv.org/abs/2203.16527>`_), Section 3.
    Strides 4, 8, 16 and 32 come from two deconvolutions, one, none, and a max
    pooling; then a 1x1 and a 3x3 convolution, each with a LayerNorm over the
    channels. Stride 64 is every other pixel of stride 32. The layers and their
    initial values are those of ``SimpleFeaturePyramid`` in detectron2, but
    pooling keeps an odd last row and column, which are dropped there.

    Args:
        in_channels (int): C, channels of the backbone's map.
        out_channels (int): D, channels of each level. Defaults to 256.
        strides (Sequence[int]): The levels to return, consecutive ones of 4,
            8, 16, 32 and 64, from 32 at the latest. Defaults to all five.
        norm_cfg (dict): The norm of the convolutions. Defaults to
            ``dict(type='mmpretrain.LN2d', eps=1e-6)``.
        init_cfg (dict, optional): Initialisation. Defaults to None, PyTorch's.

    Raises:
        ValueError: If ``strides`` are other ones.
    """

    def __init__(self,
                 in_channels: int,
                 out_channels: int = 256,
                 strides: Sequence[int] = _STRIDES,
                 norm_cfg: dict = dict(type='mmpretrain.LN2d', eps=1e-6),
                 init_cfg: dict | None = None) -> None:
        super().__init__(init_cfg=init_cfg)
        strides = tuple(strides)
        # 64 is made of 32, so it cannot be the first.
        if strides not in [_STRIDES[start:end] for start in range(4)
                           for end in range(start + 1, 6)]:
            raise ValueError(f'strides {strides} are not consecutive ones of '
                             f'{_STRIDES}, from 32 at the latest')
        self.levels = nn.ModuleList(
            _level(stride, in_channels, out_channels, norm_cfg)
            for stride in strides if stride < 64)
        self.pool = nn.MaxPool2d(1, stride=2) if 64 in strides else None

    def forward(self, inputs: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
        """Make the levels of the pyramid of the backbone's last map.

        ``(N, C, H / 16, W / 16) -> (N, D, H / stride, W / stride)`` for each
        of ``strides``. A last output that is no map is a ValueError.
        """
        x = inputs[-1]
        if getattr(x, 'ndim', None) != 4:
            raise ValueError("the backbone's last output is not a feature map: "
                             "set its out_type='featmap'")
        outputs = [level(x) for level in self.levels]
        if self.pool is not None:
            outputs.append(self.pool(outputs[-1]))
        return tuple(outputs)


def _level(stride: int, in_channels: int, out_channels: int,
           norm_cfg: dict) -> nn.Sequential:
    """The layers from stride 16 to another one."""

    def up(channels: int) -> nn.Module:
        return nn.ConvTranspose2d(channels, channels // 2, 2, stride=2)

    def conv(channels: int, kernel_size: int) -> list:
        return [
            nn.Conv2d(
                channels,
                out_channels,
                kernel_size,
                padding=kernel_size // 2,
                bias=False),  # the norm has one
            build_norm_layer(norm_cfg, out_channels)[1]
        ]

    half = in_channels // 2
    scale, channels = {
        4: ([
            up(in_channels),
            build_norm_layer(norm_cfg, half)[1],
            nn.GELU(),
            up(half)
        ], half // 2),
        8: ([up(in_channels)], half),
        16: ([], in_channels),
        32: ([nn.MaxPool2d(2, stride=2, ceil_mode=True)], in_channels),
    }[stride]
    return nn.Sequential(*scale, *conv(channels, 1), *conv(out_channels, 3))
