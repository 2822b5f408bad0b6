"""Which tensors have numbers that are not finite."""
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor


def named_tensors(content: Any, name: str = '') -> Iterator[tuple[str, Tensor]]:
    """The tensors in nested dicts and lists, under their dotted names."""
    if isinstance(content, Tensor):
        yield name, content
        return
    items = ()
    if isinstance(content, Mapping):
        items = content.items()
    elif isinstance(content, Sequence) and not isinstance(content, str):
        items = enumerate(content)
    for key, value in items:
        yield from named_tensors(value, f'{name}.{key}' if name else str(key))


@torch.no_grad()
def not_finite(content: Any) -> list[str]:
    """The names of the tensors that hold an infinity or no number (NaN).

    Each device is read once, whatever the number of tensors.
    """
    flags: dict[torch.device, dict[str, Tensor]] = defaultdict(dict)
    for name, tensor in named_tensors(content):
        if tensor.is_floating_point() or tensor.is_complex():
            # Torch 2.1 does not ask numbers of eight bits.
            tensor = tensor.float() if tensor.element_size() == 1 else tensor
            flags[tensor.device][name] = tensor.isfinite().all()
    return [
        name for named in flags.values() for name, finite in zip(
            named, torch.stack(list(named.values())).tolist()) if not finite
    ]
