"""The students of the golden traces, with weights in the official layout."""
import re
from typing import Any, Dict, Optional

from mmengine.registry import MODELS
from torch import Tensor, nn

from .fixture import load
from .rule import weight

# Official name (regular expression): its replacement, one after the other.
_KEYS = {
    r'^(cls_token|dist_token|pos_embed)$': r'backbone.\1',
    r'^patch_embed\.proj\.': 'backbone.patch_embed.projection.',
    r'^blocks\.': 'backbone.layers.',
    r'^norm\.': 'backbone.ln1.',
    r'^(head|head_dist)\.': r'head.layers.\1.',
    r'\.norm([12])\.': r'.ln\1.',
    r'\.mlp\.fc1\.': '.ffn.layers.0.0.',
    r'\.mlp\.fc2\.': '.ffn.layers.1.',
}
_TOY = dict(embed_dims=16, num_layers=2, num_heads=2, feedforward_channels=64)
_BACKBONES = dict(
    tiny=dict(arch='deit-tiny'),
    small=dict(arch='deit-small'),
    base=dict(arch='deit-base'),
    base_384=dict(arch='deit-base', img_size=384),
    # The official classes at a size whose gradients are small enough to keep.
    toy=dict(arch=_TOY, img_size=8, patch_size=4))
_WIDTHS = dict(tiny=192, small=384, base=768, base_384=768, toy=16)


def rename(key: str) -> str:
    """From the official name of a parameter to its name here."""
    for pattern, replacement in _KEYS.items():
        key = re.sub(pattern, replacement, key)
    return key


def official_weights(name: str) -> Dict[str, Tensor]:
    """The state dict of an official model, its weights made by rule."""
    layouts = load('layouts')
    column = layouts['models'].index(name)
    return {
        key: weight(key, shapes[column])
        for key, shapes in layouts['shapes'].items() if shapes[column]
    }


def build(name: str,
          distillation: Optional[dict] = None,
          **head: Any) -> nn.Module:
    """Build a student and load the official weights into it.

    Args:
        name (str): Such as ``'tiny'`` or ``'tiny_distilled'``.
        distillation (dict, optional): Makes it a ``DistilledClassifier`` of
            this ``distillation``. Defaults to None.
        head (Any): Arguments of the head that differ from its defaults.

    Returns:
        nn.Module: The classifier, without stochastic depth.
    """
    size = name.removesuffix('_distilled')
    distilled = size != name
    default = 'mmdeit.DeiTClsHead' if distilled else 'VisionTransformerClsHead'
    kind = 'DistilledVisionTransformer' if distilled else 'VisionTransformer'
    classifier = dict(type='ImageClassifier')
    if distillation:
        classifier = dict(
            type='mmdeit.DistilledClassifier', distillation=distillation)
    model = MODELS.build(
        dict(
            **classifier,
            backbone=dict(type=f'mmdeit.{kind}', **_BACKBONES[size]),
            head={
                'type': default,
                'num_classes': 5 if size == 'toy' else 10,
                'in_channels': _WIDTHS[size],
                **head
            }))
    weights = official_weights(name)
    model.load_state_dict(
        {rename(key): value for key, value in weights.items()}, strict=True)
    return model
