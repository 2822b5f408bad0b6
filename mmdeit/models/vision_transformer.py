"""The undistilled DeiT: mmpretrain's ViT with DeiT's sizes and start.

The baseline of the distilled model, and the base class of
:class:`mmdeit.models.DistilledVisionTransformer`. The network is mmpretrain's;
this file adds DeiT's initialisation and what detectors and segmentors ask of
a backbone.
"""
from typing import Sequence

import torch
from mmengine.model import initialize
from mmengine.utils import to_2tuple
from mmpretrain.models.backbones import VisionTransformer as _VisionTransformer
from torch import Tensor, nn
from torch.nn.init import trunc_normal_
from torch.utils.checkpoint import checkpoint

from mmdeit.checkpoints import load_backbone, pretrained_cfgs
from mmdeit.registry import MODELS

from .drop_path import replace_drop_paths
from .positions import load_positions, resize
from .windowed_attention import WindowedEncoderLayer


def _arch(embed_dims: int, num_heads: int) -> dict:
    return dict(
        embed_dims=embed_dims,
        num_layers=12,
        num_heads=num_heads,
        feedforward_channels=4 * embed_dims)


def _patch_grid(name: str, size: int | Sequence[int],
                patch_size: int) -> tuple[int, int]:
    """Rows and columns of patches in an image of so many pixels."""
    height, width = to_2tuple(size)
    if height % patch_size or width % patch_size:
        raise ValueError(f'{name} {height}x{width} is not a multiple of '
                         f'patch_size {patch_size}')
    return height // patch_size, width // patch_size


def _within(name: str, value: int, first: int, last: int) -> int:
    """The value of an argument, which has to be within bounds."""
    if value not in range(first, last + 1):
        raise ValueError(f'{name} has {value}, expected {first} to {last}')
    return value


def _block_indices(name: str, indices: int | Sequence[int],
                   depth: int) -> list[int]:
    """Count blocks from 0, negative ones from the end."""
    indices = indices if isinstance(indices, Sequence) else [indices]
    return [_within(name, i, -depth, depth - 1) % depth for i in indices]


@MODELS.register_module()
class VisionTransformer(_VisionTransformer):
    """DeiT without distillation: a class token and patch tokens.

    State-dict keys are those of mmpretrain's class of the same name. Images
    may have any size: they are padded with zeros at the right and bottom to
    whole patches, and the position embedding is interpolated.

    Args:
        arch (str | dict): ``'deit-tiny'``, ``'deit-small'`` or
            ``'deit-base'`` of the paper's Table 1, also without the prefix
            (mmpretrain's ``'small'`` is another, wider and shallower); or a
            dict with ``embed_dims``, ``num_layers``, ``num_heads`` and
            ``feedforward_channels``. Defaults to ``'deit-base'``.
        img_size (int | tuple[int, int]): Height and width in pixels of the
            images that the position embedding is made for. Defaults to 224.
        patch_size (int): Side of a patch in pixels. Defaults to 16.
        in_channels (int): Channels of the images. Defaults to 3.
        out_indices (int | Sequence[int]): The blocks whose output is
            returned, in this order. Blocks after the last of them are
            neither run nor trained. Defaults to -1, the last block.
        drop_path_rate (float): Stochastic depth of the last layer; it grows
            linearly from 0 at the first. The recipe has 0.1. Defaults to 0.
        out_type (str): ``'cls_token'``, ``'featmap'``, ``'avg_featmap'`` or
            ``'raw'``, as in mmpretrain. A feature map of an H x W image has
            shape ``(N, C, ceil(H / patch_size), ceil(W / patch_size))``.
            Defaults to ``'cls_token'``.
        frozen_stages (int): Number of blocks to freeze, in eval mode too,
            together with the tokens and both embeddings; 0 freezes only
            these (nothing in mmpretrain). Defaults to -1, nothing.
        pretrain_img_size (int | tuple[int, int], optional): Height and width
            in pixels of the images that a checkpoint was trained on, to
            interpolate its position embedding. One with as many positions as
            the model is taken for its own, but where a training starts from
            it (``load_from``, ``init_cfg``). Defaults to None, square images
            of any size.
        window_size (int, optional): Side in patches of the windows that
            attention is confined to; the tokens see everything and are seen
            by all. Defaults to None, global attention everywhere.
        global_indices (Sequence[int], optional): The blocks without windows.
            Defaults to None, the ends of four equal parts as in ViTDet: 2, 5,
            8 and 11 of 12.
        with_cp (bool): Whether to save memory by computing the blocks again
            in the backward pass. Defaults to False.
        norm_eval (bool): Keep norm layers in eval mode, as detectors' configs
            ask; a LayerNorm computes the same in both. Defaults to False.
        init_cfg (dict | list[dict], optional): Initialisation after the
            official one, or in its place ``dict(type='Pretrained',
            checkpoint=..., prefix='backbone.')``, see
            :func:`mmdeit.checkpoints.load_backbone`. Defaults to None, the
            official one: see :meth:`init_weights`.

    Raises:
        ValueError: If ``patch_size`` does not divide ``img_size`` or
            ``pretrain_img_size``, or if an index, ``frozen_stages``,
            ``window_size`` or ``drop_path_rate`` is out of range.
    """
    arch_zoo = {
        **dict.fromkeys(['t', 'tiny', 'deit-t', 'deit-tiny'], _arch(192, 3)),
        **dict.fromkeys(['s', 'small', 'deit-s', 'deit-small'], _arch(384, 6)),
        **dict.fromkeys(['b', 'base', 'deit-b', 'deit-base'], _arch(768, 12)),
    }

    def __init__(self,
                 arch: str | dict = 'deit-base',
                 img_size: int | Sequence[int] = 224,
                 patch_size: int = 16,
                 in_channels: int = 3,
                 out_indices: int | Sequence[int] = -1,
                 drop_path_rate: float = 0.,
                 out_type: str = 'cls_token',
                 frozen_stages: int = -1,
                 pretrain_img_size: int | Sequence[int] | None = None,
                 window_size: int | None = None,
                 global_indices: Sequence[int] | None = None,
                 with_cp: bool = False,
                 norm_eval: bool = False,
                 init_cfg: dict | list[dict] | None = None) -> None:
        _patch_grid('img_size', img_size, patch_size)
        if not 0 <= drop_path_rate < 1:
            raise ValueError(f'drop_path_rate is {drop_path_rate}: give a '
                             'probability below 1')
        super().__init__(
            arch=arch,
            img_size=to_2tuple(img_size),
            patch_size=patch_size,
            in_channels=in_channels,
            drop_path_rate=drop_path_rate,
            out_type=out_type,
            init_cfg=init_cfg)
        depth = self.num_layers
        self.out_indices = _block_indices('out_indices', out_indices, depth)
        self.pretrain_grid = pretrain_img_size and _patch_grid(
            'pretrain_img_size', pretrain_img_size, patch_size)
        self._use_windows(window_size, global_indices)
        replace_drop_paths(self)
        self.with_cp = with_cp
        self.norm_eval = norm_eval
        # After super(), so that a distillation token is frozen too.
        self.frozen_stages = _within('frozen_stages', frozen_stages, -1, depth)
        if frozen_stages >= 0:
            self._freeze_stages()
        last = max(self.out_indices)
        if last < depth - 1:
            # DDP waits for the gradient of whatever can be trained.
            for module in (*self.layers[last + 1:], self.ln1):
                module.requires_grad_(False)

    def _use_windows(self, window_size: int | None,
                     global_indices: Sequence[int] | None) -> None:
        """Replace all blocks but the global ones by windowed ones."""
        depth = self.num_layers
        if global_indices is None:
            global_indices = [-(-depth * part // 4) - 1 for part in range(1, 5)]
        chosen = _block_indices('global_indices', global_indices, depth)
        if window_size is None:
            return
        if not isinstance(window_size, int) or window_size < 1:
            raise ValueError(
                f'window_size is {window_size}, expected a whole number from 1')
        for i, layer in enumerate(self.layers):
            if i not in chosen:
                self.layers[i] = WindowedEncoderLayer(
                    self.embed_dims,
                    self.arch_settings['num_heads'],
                    self.arch_settings['feedforward_channels'],
                    window_size,
                    drop_path_rate=layer.attn.out_drop.drop_prob)

    def forward(self, x: Tensor) -> tuple[Tensor, ...]:
        """Compute features of images ``(N, in_channels, H, W)``.

        Returns:
            tuple: One item for each of ``out_indices``, as ``out_type`` says.
        """
        x, grid = self.patch_embed(x)  # N, patches, C
        tokens = [token.expand(len(x), -1, -1) for token in self._tokens()]
        x = torch.cat((*tokens, x), dim=1)
        x = self.drop_after_pos(x + self.resize_pos_embed(
            self.pos_embed,
            self.patch_resolution,
            grid,
            num_extra_tokens=self.num_extra_tokens))
        outs = {}
        for i, layer in zip(range(max(self.out_indices) + 1), self.layers):
            windowed = isinstance(layer, WindowedEncoderLayer)
            inputs = (x, grid) if windowed else (x, )
            if self.with_cp and torch.is_grad_enabled():
                x = checkpoint(layer, *inputs, use_reentrant=False)
            else:
                x = layer(*inputs)
            if i == self.num_layers - 1:
                x = self.ln1(x)
            if i in self.out_indices:
                outs[i] = self._format_output(x, grid)
        return tuple(outs[i] for i in self.out_indices)

    def _tokens(self) -> tuple[Tensor, ...]:
        """The tokens before the patches, each of shape ``(1, 1, C)``."""
        return (self.cls_token, )

    def train(self, mode: bool = True) -> nn.Module:
        """Set the mode of all but the frozen layers."""
        super().train(mode)
        if mode and self.frozen_stages >= 0:
            self._freeze_stages()
        if mode and self.norm_eval:
            for module in self.modules():
                if isinstance(module, nn.LayerNorm):
                    module.eval()
        return self

    def init_weights(self) -> None:
        """Initialise as the official code does, then as ``init_cfg`` says.

        A checkpoint in ``init_cfg`` is loaded instead, and nothing else done.

        Every Linear weight and every token is drawn from a normal
        distribution of standard deviation 0.02, truncated at -2 and 2; biases
        are zero. The patch convolution keeps PyTorch's default. mmpretrain
        has Xavier in the MLPs and a zero class token instead. (Source:
        ``models.py`` of facebookresearch/deit with timm 0.3.2.)
        """
        if checkpoints := pretrained_cfgs(self.init_cfg):
            for cfg in checkpoints:
                load_backbone(self, cfg['checkpoint'], cfg.get('prefix'))
            self.is_init = True
            return
        super().init_weights()
        for module in self.modules():
            if isinstance(module, nn.Linear):
                trunc_normal_(module.weight, std=.02)
                nn.init.zeros_(module.bias)
        trunc_normal_(self.pos_embed, std=.02)
        trunc_normal_(self.cls_token, std=.02)
        if self.init_cfg:  # again, over the official initialisation
            initialize(self, self.init_cfg)

    def fit_positions(self, state_dict: dict) -> None:
        """Interpolate, in place, the positions of what a training starts from.

        Whatever their number: 4x9 patches are as many as 6x6. Later, when it
        is resumed or tested, as many are the model's own.
        """
        name = 'backbone.pos_embed'
        grid, target = self.pretrain_grid, self.patch_resolution
        if name in state_dict and grid and tuple(grid) != tuple(target):
            tokens = state_dict[name].shape[1] - grid[0] * grid[1]
            if grid[0] * grid[1] == target[0] * target[1] and (
                    0 < tokens <= self.num_extra_tokens):
                state_dict[name] = resize(
                    name, state_dict[name], tokens, grid, target)

    def _prepare_pos_embed(self, state_dict: dict, prefix: str,
                           *args) -> None:
        """Interpolate the positions of a ``state_dict`` before it is loaded."""
        name = f'{prefix}pos_embed'
        if name in state_dict:
            state_dict[name] = load_positions(
                name, state_dict[name], self.num_extra_tokens,
                self.pretrain_grid, self.patch_resolution)
