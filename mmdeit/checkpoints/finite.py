"""Which tensors have numbers that are not finite."""
import math
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

    An attention mask of 0 and minus infinity is meant so.
    Where there are none, each device is read once, after a few kernels.
    """
    devices: dict[torch.device, dict[str, Tensor]] = defaultdict(dict)
    for name, tensor in named_tensors(content):
        if tensor.numel() and tensor.layout == torch.strided and (
                tensor.is_floating_point() or tensor.is_complex()):
            # There is no arithmetic on numbers of eight bits.
            tensor = tensor.float() if tensor.element_size() == 1 else tensor
            devices[tensor.device][name] = tensor
    names = []
    for tensors in devices.values():
        norms = torch._foreach_norm(list(tensors.values()))
        finite = torch.stack([norm.float() for norm in norms]).isfinite()
        # The square of a large number is infinite, too.
        names += [
            name for (name, tensor), sound in zip(
                tensors.items(), finite.tolist())
            if not sound and not tensor.isfinite().all()
            and not _is_mask(tensor)]
    return names


def _is_mask(tensor: Tensor) -> bool:
    return tensor.ndim > 1 and {*tensor.unique().tolist()} == {0, -math.inf}
