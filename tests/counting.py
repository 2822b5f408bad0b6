"""Counting what a piece of code asks of the device, without a clock."""
from collections import Counter

import torch
from mmengine.utils import apply_to
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
        batch (dict): What the dataloader gives, which is on the host: to read
            it waits for nothing. See :func:`apart_from_the_host`.
    """

    def __init__(self, optimizer=None, batch={}):
        super().__init__()
        self.optimizer = optimizer
        self.host = {memory(tensor) for tensor in batch.values()}
        self.calls = Counter()
        self.reads = Counter()

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        self.calls[func] += 1
        masks = func is aten.index.Tensor and any(
            index is not None and index.dtype == torch.bool
            for index in args[1])
        if (func in _READS or masks) and not (
                self._is_step(args[0]) or memory(args[0]) in self.host):
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
            if memory(tensor) not in self.host:
                self.reads[name] += 1
            return method(tensor, *args, **kwargs)

        return counted


def memory(tensor):
    """What tells whether two tensors share their numbers."""
    return tensor.untyped_storage().data_ptr()


def apart_from_the_host(preprocessor):
    """Copy what a data preprocessor moves to its device, as to a GPU.

    On a CPU it would be the batch of the dataloader itself, and a read of it
    none.
    """
    cast = preprocessor.cast_data

    def copied(data):
        return apply_to(
            cast(data), lambda x: isinstance(x, torch.Tensor), torch.clone)

    preprocessor.cast_data = copied
