"""The undistilled DeiT: mmpretrain's ViT with DeiT's sizes and start.

The twin every distilled model is compared with, and the base of
:class:`mmdeit.models.DistilledVisionTransformer`. The network itself is
mmpretrain's; this file adds what DeiT asks for around it.
"""
from math import isqrt
from typing import Optional, Sequence, Tuple, Union

from mmengine.logging import MMLogger
from mmengine.utils import to_2tuple
from mmpretrain.models.backbones import VisionTransformer as _VisionTransformer
from torch import nn
from torch.nn.init import trunc_normal_

from mmdeit.registry import MODELS


def _arch(embed_dims: int, num_heads: int) -> dict:
    return dict(
        embed_dims=embed_dims,
        num_layers=12,
        num_heads=num_heads,
        feedforward_channels=4 * embed_dims)


def _grid(name: str, size: Union[int, Sequence[int]],
          patch_size: int) -> Tuple[int, int]:
    """Rows and columns of patches in an image of ``size``."""
    height, width = to_2tuple(size)
    if height % patch_size or width % patch_size:
        raise ValueError(
            f'{name} {height}x{width} is not a multiple of patch_size '
            f'{patch_size}: choose for instance '
            f'{height // patch_size * patch_size}x'
            f'{width // patch_size * patch_size}')
    return height // patch_size, width // patch_size


@MODELS.register_module()
class VisionTransformer(_VisionTransformer):
    """DeiT without distillation: patch tokens and a class token.

    State-dict keys are those of mmpretrain's class of the same name.

    Args:
        arch (str | dict): ``'tiny'``, ``'small'`` or ``'base'`` of the
            paper's Table 1 (also with the prefix ``'deit-'``), or a dict with
            ``embed_dims``, ``num_layers``, ``num_heads`` and
            ``feedforward_channels``. Note that mmpretrain calls another,
            wider and shallower network ``'small'``. Defaults to
            ``'deit-base'``.
        img_size (int | tuple[int, int]): Height and width of the images in
            pixels. Defaults to 224.
        patch_size (int): Side of a patch in pixels. Defaults to 16.
        in_channels (int): Channels of the images. Defaults to 3.
        out_indices (int | Sequence[int]): The layers whose output is
            returned. Defaults to -1, the last one.
        drop_path_rate (float): Stochastic depth of the last layer; it grows
            linearly from 0 at the first. The recipe has 0.1. Defaults to 0.
        out_type (str): ``'cls_token'``, ``'featmap'``, ``'avg_featmap'`` or
            ``'raw'``, as in mmpretrain. Defaults to ``'cls_token'``.
        frozen_stages (int): Freeze the embedding, its tokens and so many
            layers; they stay in eval mode too. Defaults to -1, none.
        pretrain_img_size (int | tuple[int, int], optional): Height and width
            of the images that a checkpoint was trained on, in pixels; its
            position embedding is interpolated at load. A checkpoint with as
            many positions as the model is taken for one of the model's own
            size. Defaults to None, square images of any size.
        init_cfg (dict, optional): Initialisation, for instance
            ``dict(type='Pretrained', checkpoint=...)``. Defaults to None,
            the official one: see :meth:`init_weights`.

    Raises:
        ValueError: If ``patch_size`` does not divide ``img_size`` or
            ``pretrain_img_size``.
    """
    arch_zoo = {
        **dict.fromkeys(['t', 'tiny', 'deit-t', 'deit-tiny'], _arch(192, 3)),
        **dict.fromkeys(['s', 'small', 'deit-s', 'deit-small'], _arch(384, 6)),
        **dict.fromkeys(['b', 'base', 'deit-b', 'deit-base'], _arch(768, 12)),
    }

    def __init__(self,
                 arch: Union[str, dict] = 'deit-base',
                 img_size: Union[int, Sequence[int]] = 224,
                 patch_size: int = 16,
                 in_channels: int = 3,
                 out_indices: Union[int, Sequence[int]] = -1,
                 drop_path_rate: float = 0.,
                 out_type: str = 'cls_token',
                 frozen_stages: int = -1,
                 pretrain_img_size: Union[int, Sequence[int], None] = None,
                 init_cfg: Optional[dict] = None) -> None:
        _grid('img_size', img_size, patch_size)
        super().__init__(
            arch=arch,
            img_size=to_2tuple(img_size),
            patch_size=patch_size,
            in_channels=in_channels,
            out_indices=out_indices,
            drop_path_rate=drop_path_rate,
            out_type=out_type,
            init_cfg=init_cfg)
        self.pretrain_grid = None if pretrain_img_size is None else _grid(
            'pretrain_img_size', pretrain_img_size, patch_size)
        # Only now are all tokens there to be frozen.
        self.frozen_stages = frozen_stages
        if frozen_stages > 0:
            self._freeze_stages()

    def train(self, mode: bool = True) -> nn.Module:
        """Set the mode, of all but the frozen layers."""
        super().train(mode)
        if mode and self.frozen_stages > 0:
            self._freeze_stages()
        return self

    def init_weights(self) -> None:
        """Start as the official code does, unless weights were loaded.

        Every Linear weight and every token is drawn from a normal
        distribution of standard deviation 0.02, truncated at -2 and 2; biases
        are zero. The patch convolution keeps PyTorch's default. mmpretrain
        has Xavier in the MLPs and a zero class token instead. (Source:
        ``models.py`` of facebookresearch/deit with timm 0.3.2.)
        """
        super().init_weights()
        if isinstance(self.init_cfg, dict) and \
                self.init_cfg['type'] == 'Pretrained':
            return
        for module in self.modules():
            if isinstance(module, nn.Linear):
                trunc_normal_(module.weight, std=.02)
                nn.init.zeros_(module.bias)
        trunc_normal_(self.pos_embed, std=.02)
        trunc_normal_(self.cls_token, std=.02)

    def _prepare_pos_embed(self, state_dict: dict, prefix: str,
                           *args) -> None:
        """Called before ``state_dict`` is loaded: interpolate its positions.

        mmpretrain takes every grid for a square one, and cuts what is none.
        """
        name = f'{prefix}pos_embed'
        if name not in state_dict:
            return
        pos_embed = state_dict[name]  # (1, T, C)
        patches = pos_embed.shape[1] - self.num_extra_tokens
        height, width = self.patch_resolution
        if patches == height * width:
            return
        grid = self.pretrain_grid or (isqrt(max(patches, 0)), ) * 2
        if patches < 1 or grid[0] * grid[1] != patches:
            other = ('a square number' if self.pretrain_grid is None else
                     f'{grid[0] * grid[1]} ({grid[0]}x{grid[1]})')
            raise ValueError(
                f'{name} is for {patches} patches, expected {height * width} '
                f'({height}x{width}) or {other}: set pretrain_img_size of the '
                'backbone to the images that the checkpoint was trained on')
        MMLogger.get_current_instance().info(
            f'{name} is interpolated from {grid[0]}x{grid[1]} to '
            f'{height}x{width} patches.')
        state_dict[name] = self.resize_pos_embed(
            pos_embed, grid, (height, width), self.interpolate_mode,
            self.num_extra_tokens)
