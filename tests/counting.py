"""Counting what a piece of code asks of the device, without a clock."""
from collections import Counter

import torch
from torch.utils._python_dispatch import TorchDispatchMode

aten = torch.ops.aten
# What makes the host wait for a GPU: it needs a value, or a shape that
# depends on values.
_READS = {
    aten._local_scalar_dense.default, aten.equal.default, aten.nonzero.default,
    aten.masked_select.default, aten.repeat_interleave.Tensor,
    aten._unique2.default
}
# Reads of whole tensors, which the dispatcher of a CPU does not show.
_METHODS = ('tolist', 'numpy', 'cpu')


class Counting(TorchDispatchMode):
    """Counts ATen calls, and host reads, while it is active.

    Args:
        optimizer (torch.optim.Optimizer, optional): Its step counters are not
            counted: torch keeps them on the CPU. Defaults to None.
    """

    def __init__(self, optimizer=None):
        super().__init__()
        self.optimizer = optimizer
        self.calls = Counter()
        self.reads = Counter()

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        self.calls[func] += 1
        masks = func is aten.index.Tensor and any(
            index is not None and index.dtype == torch.bool
            for index in args[1])
        if (func in _READS or masks) and not self._is_step(args[0]):
            self.reads[func] += 1
        return func(*args, **(kwargs or {}))

    def _is_step(self, tensor):
        state = self.optimizer.state.values() if self.optimizer else ()
        return any(tensor is values.get('step') for values in state)

    def __enter__(self):
        self._saved = {name: getattr(torch.Tensor, name) for name in _METHODS}
        for name, method in self._saved.items():
            setattr(torch.Tensor, name, self._counted(name, method))
        return super().__enter__()

    def __exit__(self, *error):
        for name, method in self._saved.items():
            setattr(torch.Tensor, name, method)
        return super().__exit__(*error)

    def _counted(self, name, method):
        def counted(tensor, *args, **kwargs):
            self.reads[name] += 1
            return method(tensor, *args, **kwargs)

        return counted
