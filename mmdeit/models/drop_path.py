"""Stochastic depth that drops the same layers compiled or not."""
import torch
from mmcv.cnn.bricks import DropPath as _DropPath
from torch import Tensor, nn


class DropPath(_DropPath):
    """mmcv's, of the same numbers in fp32.

    mmcv draws in the dtype of the input: under autocast a rate of 0.009 becomes
    0.008, and compiled code, which rounds in other places, drops other layers.
    Its rates are numpy's numbers, for which a graph breaks.

    Args:
        drop_prob (float): Probability to drop a sample. Defaults to 0.1.
    """

    def __init__(self, drop_prob: float = 0.1) -> None:
        super().__init__(float(drop_prob))

    def forward(self, x: Tensor) -> Tensor:
        """Zero samples of ``(N, ...)``, and scale the others."""
        if self.drop_prob == 0. or not self.training:
            return x
        keep = 1 - self.drop_prob
        shape = (len(x), ) + (1, ) * (x.ndim - 1)
        mask = (keep + torch.rand(shape, device=x.device)).floor()
        return x.div(keep) * mask.to(x.dtype)


def replace_drop_paths(network: nn.Module) -> None:
    """Put :class:`DropPath` in the place of mmcv's, in all of a network."""
    for module in network.modules():
        for name, child in module.named_children():
            if type(child) is _DropPath:
                setattr(module, name, DropPath(child.drop_prob))
