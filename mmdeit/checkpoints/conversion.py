"""The weights of a DeiT under the names of several projects.

Names differ, and Hugging Face keeps query, key and value apart; every tensor
is kept bit for bit. For DeiT as published: one class token, square images, a
linear classifier for each token.
"""
import re
from collections.abc import Iterable, Iterator
from math import isqrt
from textwrap import shorten

import torch
from torch import Tensor

# Format: column of the tables below. "official" and "timm" share their names
# and so do "mmdeit" and "mmpretrain"; only the files differ.
FORMATS = dict(mmdeit=0, mmpretrain=0, official=1, timm=1, huggingface=2)

# This project, official, Hugging Face (`modeling_deit.py` of transformers 4;
# 5 has other names in memory, but these in its files), and the shape of the
# tensor, or of the weight with a bias beside it. C: width of the tokens, T:
# their number, I and P: channels and side of a patch, F: width of the MLP, K:
# classes. "#" is the number of a block, "*" query, key and value.
_STEM = (
    ('backbone.cls_token', 'cls_token', 'deit.embeddings.cls_token', '1 1 C'),
    ('backbone.dist_token', 'dist_token',
     'deit.embeddings.distillation_token', '1 1 C'),
    ('backbone.pos_embed', 'pos_embed',
     'deit.embeddings.position_embeddings', '1 T C'),
    ('backbone.patch_embed.projection', 'patch_embed.proj',
     'deit.embeddings.patch_embeddings.projection', 'C I P P'),
)
_BLOCK = (
    ('backbone.layers.#.ln1', 'blocks.#.norm1',
     'deit.encoder.layer.#.layernorm_before', 'C'),
    ('backbone.layers.#.attn.qkv', 'blocks.#.attn.qkv',
     'deit.encoder.layer.#.attention.attention.*', '3C C'),
    ('backbone.layers.#.attn.proj', 'blocks.#.attn.proj',
     'deit.encoder.layer.#.attention.output.dense', 'C C'),
    ('backbone.layers.#.ln2', 'blocks.#.norm2',
     'deit.encoder.layer.#.layernorm_after', 'C'),
    ('backbone.layers.#.ffn.layers.0.0', 'blocks.#.mlp.fc1',
     'deit.encoder.layer.#.intermediate.dense', 'F C'),
    ('backbone.layers.#.ffn.layers.1', 'blocks.#.mlp.fc2',
     'deit.encoder.layer.#.output.dense', 'C F'),
)
_TOP = (
    ('backbone.ln1', 'norm', 'deit.layernorm', 'C'),
    ('head.layers.head', 'head', 'cls_classifier', 'K C'),
    ('head.layers.head_dist', 'head_dist', 'distillation_classifier', 'K C'),
)


def _tensors(fmt: str, depth: int,
             distilled: bool) -> Iterator[tuple[str, list[str], str]]:
    """This project's name, the format's name or names, the shape."""
    blocks = ([cell.replace('#', str(n)) for cell in row]
              for n in range(depth) for row in _BLOCK)
    for row in (*_STEM, *blocks, *_TOP):
        own, other, shape = row[0], row[FORMATS[fmt]], row[3]
        if not distilled:
            if 'dist' in own:
                continue
            # Hugging Face has the undistilled DeiT as a ViT. Its
            # DeiTForImageClassification has two tokens and one classifier.
            other = re.sub('^deit', 'vit', other)
            other = re.sub('^cls_classifier', 'classifier', other)
        parts = ('query', 'key', 'value') if '*' in other else ('', )
        suffixes = [('', shape)] if shape[0] == '1' else [
            ('.weight', shape), ('.bias', shape.split()[0])]
        for suffix, dims in suffixes:
            yield (own + suffix,
                   [other.replace('*', part) + suffix for part in parts], dims)


def _layout(state_dict: dict) -> tuple[int, bool]:
    """Depth, and whether it is distilled, by the names."""
    blocks = re.findall(
        r'^(?:backbone\.layers|blocks|\w+\.encoder\.layer)\.(\d+)\.',
        '\n'.join(map(str, state_dict)), re.MULTILINE)
    # No more than there are names: a forged number must cost no memory.
    depth = min(max(map(int, blocks), default=-1) + 1, len(state_dict))
    return depth, any('dist' in str(name) for name in state_dict)


def first_names(names: Iterable) -> str:
    """The first three of some names, and how many more there are."""
    names = [str(name) for name in names]
    rest = f' and {len(names) - 3} more' if len(names) > 3 else ''
    return shorten(', '.join(names[:3]), 300) + rest


def detect_names(state_dict: dict) -> str:
    """Tell which of mmdeit, timm and huggingface shares most names.

    Raises:
        ValueError: If none shares any.
    """
    layout = _layout(state_dict)
    known = {
        fmt: sum(name in state_dict for _, names, _ in _tensors(fmt, *layout)
                 for name in names)
        for fmt in ('mmdeit', 'timm', 'huggingface')
    }
    fmt = max(known, key=known.get)
    if known[fmt] == 0:
        raise ValueError(f'unknown keys {first_names(state_dict) or "(none)"}: '
                         f'expected a DeiT of {", ".join(FORMATS)}')
    return fmt


def check_state_dict(state_dict: dict, fmt: str) -> None:
    """Raise a ValueError unless tensors are all the weights of one DeiT."""
    depth, distilled = _layout(state_dict)
    tensors = list(_tensors(fmt, depth, distilled))
    expected = dict.fromkeys(name for _, names, _ in tensors
                             for name in names)
    unknown = [name for name in state_dict if name not in expected]
    missing = [name for name in expected
               if not isinstance(state_dict.get(name), Tensor)]
    problems = [f'{kind} keys {first_names(names)}' for kind, names in
                (('unknown', unknown), ('missing', missing)) if names]
    if problems:
        kind = 'distilled' if distilled else 'undistilled'
        raise ValueError(f'{" and ".join(problems)}: expected a whole {kind} '
                         f'DeiT of {depth} blocks with the names of {fmt}')
    sizes = {'1': 1}
    for _, names, dims in tensors:
        for name in names:
            shape = tuple(state_dict[name].shape)
            for dim, size in zip(dims.split(), shape):
                sizes.setdefault(dim, size)
            sizes['3C'] = (3 if len(names) == 1 else 1) * sizes.get('C', 0)
            fitting = tuple(sizes.get(dim, dim) for dim in dims.split())
            if shape != fitting:
                raise ValueError(f'{name} has shape {shape}, expected {fitting}'
                                 ' to fit the tensors before it')
    patches = sizes['T'] - 1 - distilled
    if patches < 1 or isqrt(patches)**2 != patches:
        raise ValueError(f'the position embedding has {sizes["T"]} rows, '
                         f'expected {1 + distilled} and a square number')


@torch.no_grad()
def convert(state_dict: dict[str, Tensor], source: str,
            target: str) -> dict[str, Tensor]:
    """Convert all the weights of a DeiT from one of ``FORMATS`` to another.

    Returns:
        dict[str, Tensor]: Copies, contiguous and each in its own memory.

    Raises:
        ValueError: If names are unknown or missing, or if shapes do not fit
            together.
    """
    check_state_dict(state_dict, source)
    layout = _layout(state_dict)
    weights = {
        own: torch.cat([state_dict[name] for name in names])  # 3x (C, C)
        for own, names, _ in _tensors(source, *layout)
    }
    return {
        name: part.clone(memory_format=torch.contiguous_format)
        for own, names, _ in _tensors(target, *layout)
        for name, part in zip(names, weights[own].chunk(len(names)))
    }


def start_dist_token(state_dict: dict[str, Tensor],
                     prefix: str = 'backbone.') -> dict[str, Tensor]:
    """Make a distillation token for an undistilled backbone.

    The paper trains its distilled models from scratch, so this choice is
    ours: token and position start as copies of the class token's.

    Args:
        state_dict (dict[str, Tensor]): With ``cls_token`` ``(1, 1, C)`` and
            ``pos_embed`` ``(1, T, C)``.
        prefix (str): Of their names. Defaults to ``'backbone.'``.

    Returns:
        dict[str, Tensor]: ``dist_token`` ``(1, 1, C)`` and ``pos_embed``
        ``(1, T + 1, C)``.
    """
    pos_embed = state_dict[f'{prefix}pos_embed']
    return {
        f'{prefix}dist_token': state_dict[f'{prefix}cls_token'].clone(),
        # class token, distillation token, patches
        f'{prefix}pos_embed': torch.cat((pos_embed[:, :1], pos_embed), dim=1),
    }


def add_dist_token(state_dict: dict[str, Tensor]) -> dict[str, Tensor]:
    """Make the weights of a distilled model from an undistilled one.

    Under this project's names. Beside what :func:`start_dist_token` adds, the
    classifier of the distillation token starts as a copy of the trained one.
    The teacher's labels, which it alone learns, then draw the two apart.

    Raises:
        ValueError: If it is distilled already.
    """
    if _layout(state_dict)[1]:
        raise ValueError('it has a distillation token already')
    head = 'head.layers.head'
    return {
        **state_dict,
        **start_dist_token(state_dict),
        f'{head}_dist.weight': state_dict[f'{head}.weight'].clone(),
        f'{head}_dist.bias': state_dict[f'{head}.bias'].clone(),
    }
