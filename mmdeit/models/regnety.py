"""RegNetY, the family of the paper's convnet teachers (Table 2).

mmpretrain has RegNetX; RegNetY is the same design space with
squeeze-and-excitation in every block (arXiv 2003.13678, Section 5).
"""
import re
from typing import Sequence

from mmpretrain.models.backbones import RegNet
from mmpretrain.models.backbones.resnext import Bottleneck
from mmpretrain.models.utils import SELayer
from torch import Tensor, nn

from mmdeit.registry import MODELS

# timm's name (regular expression): name inside an ImageClassifier, filled with
# stage, block and what follows. "head.fc.*" is the same on both sides.
_TIMM_KEYS = {
    r'stem\.conv\.': 'backbone.conv1.',
    r'stem\.bn\.': 'backbone.bn1.',
    r's(\d)\.b(\d+)\.conv(\d)\.(conv|bn)\.': 'backbone.layer{0}.{1}.{3}{2}.',
    r's(\d)\.b(\d+)\.se\.fc(\d)\.': 'backbone.layer{}.{}.se.conv{}.conv.',
    r's(\d)\.b(\d+)\.downsample\.conv\.': 'backbone.layer{}.{}.downsample.0.',
    r's(\d)\.b(\d+)\.downsample\.bn\.': 'backbone.layer{}.{}.downsample.1.',
}


def convert_timm_regnety(state_dict: dict) -> dict:
    """Rename the weights of a timm ``regnety_*`` for mmpretrain.

    ``s1.b1.conv1.conv.weight``, as in the official ``regnety_160-a5fe301d.pth``
    too, is ``backbone.layer1.0.conv1.weight`` in an ``ImageClassifier`` with
    this backbone and a ``LinearClsHead``. Other names stay.
    """

    def rename(key: str) -> str:
        for pattern, name in _TIMM_KEYS.items():
            if match := re.match(pattern, key):
                parts = list(match.groups())
                if parts:  # timm counts the blocks of a stage from 1
                    parts[1] = int(parts[1]) - 1
                return name.format(*parts) + key[match.end():]
        return key

    return {rename(key): tensor for key, tensor in state_dict.items()}


class RegNetYBottleneck(Bottleneck):
    """RegNetX's block with squeeze-and-excitation before the last conv.

    The squeeze is a quarter of the channels that enter the block, not of the
    bottleneck's.
    """

    def __init__(self, in_channels: int, out_channels: int, **kwargs) -> None:
        super().__init__(in_channels, out_channels, **kwargs)
        self.se = SELayer(
            self.mid_channels, squeeze_channels=round(in_channels * 0.25))

    def forward(self, x: Tensor) -> Tensor:
        """Map ``(N, in_channels, H, W)`` to ``(N, out_channels, H', W')``."""
        identity = x if self.downsample is None else self.downsample(x)
        out = self.relu(self.norm1(self.conv1(x)))
        out = self.relu(self.norm2(self.conv2(out)))
        out = self.norm3(self.conv3(self.se(out)))
        return self.relu(out + identity)


@MODELS.register_module()
class RegNetY(RegNet):
    """mmpretrain's :class:`RegNet` with the blocks of RegNetY.

    Inside an ``ImageClassifier`` it loads checkpoints under timm's names as
    they are, the official DeiT teacher among them: see
    :func:`convert_timm_regnety`.

    Args:
        arch (str | dict): ``'regnety_4.0gf'``, ``'regnety_8.0gf'``,
            ``'regnety_12gf'`` or ``'regnety_16gf'``, or a dict of parameters
            as in :class:`RegNet`.
        out_indices (Sequence[int]): Output from which stages.
            Defaults to ``(3, )``, the last.
        frozen_stages (int): Freeze the stem and so many stages; they stay in
            eval mode too. Defaults to -1, none.
        init_cfg (dict, optional): Initialisation. Defaults to None.

    The output is a tuple of feature maps of shape ``(N, C, H, W)``, the last
    at a stride of 32 with C = 1088, 2016, 2240 or 3024.
    """
    arch_settings = {
        'regnety_4.0gf':
        dict(w0=96, wa=31.41, wm=2.24, group_w=64, depth=22, bot_mul=1.0),
        'regnety_8.0gf':
        dict(w0=192, wa=76.82, wm=2.19, group_w=56, depth=17, bot_mul=1.0),
        'regnety_12gf':
        dict(w0=168, wa=73.36, wm=2.37, group_w=112, depth=19, bot_mul=1.0),
        'regnety_16gf':
        dict(w0=200, wa=106.23, wm=2.48, group_w=112, depth=18, bot_mul=1.0),
    }

    def __init__(self,
                 arch: str | dict,
                 out_indices: Sequence[int] = (3, ),
                 frozen_stages: int = -1,
                 init_cfg: dict | None = None) -> None:
        super().__init__(
            arch,
            out_indices=out_indices,
            frozen_stages=frozen_stages,
            init_cfg=init_cfg)

    def make_res_layer(self, **kwargs) -> nn.Module:
        """Build a stage, with another block than the one RegNet asks for."""
        return super().make_res_layer(**{**kwargs, 'block': RegNetYBottleneck})

    def _checkpoint_filter(self, state_dict: dict, prefix: str, *args) -> None:
        """Rename timm's weights before ``ImageClassifier`` loads them."""
        if f'{prefix}stem.conv.weight' in state_dict:
            converted = convert_timm_regnety(state_dict)
            state_dict.clear()
            state_dict.update(converted)
