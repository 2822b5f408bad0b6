"""How a teacher is executed: precision, memory layout, compilation.

Which of them is fastest depends on the network, the machine and the release
of torch, so each may be measured instead of chosen.
"""
import contextlib
import time
from dataclasses import dataclass, fields
from itertools import product
from typing import Callable, ContextManager, Dict, List, Optional, Union

import torch
from torch import Tensor, nn

DTYPES = {
    'float32': torch.float32,
    'bfloat16': torch.bfloat16,
    'float16': torch.float16,
}
_MEASURED = dict(
    dtype=('float32', 'bfloat16'),
    channels_last=(False, True),
    compile=(False, True))


@dataclass(frozen=True)
class Execution:
    """One way to execute a network.

    Args:
        dtype (str, optional): ``'float32'``, ``'bfloat16'`` or
            ``'float16'``, by autocast. Defaults to None: as the student, but
            bfloat16 under its autocast wherever the device has it.
        channels_last (bool): Whether weights and images are laid out with
            their channels last. Defaults to False.
        compile (bool): Whether ``torch.compile`` compiles the network.
            Defaults to False.
    """
    dtype: Optional[str] = None
    channels_last: bool = False
    compile: bool = False

    def prepare(self, network: nn.Module) -> Callable[[Tensor], Tensor]:
        """Lay out a network's weights, in place, and make it callable.

        Args:
            network (nn.Module): Maps images ``(N, C, H, W)`` to logits.

        Returns:
            Callable: The same, executed in this way.
        """
        layout = (
            torch.channels_last
            if self.channels_last else torch.contiguous_format)
        network.to(memory_format=layout)
        run = torch.compile(network) if self.compile else network

        def execute(inputs: Tensor) -> Tensor:
            if self.channels_last:
                inputs = inputs.contiguous(memory_format=layout)
            with self._autocast(inputs.device.type):
                return run(inputs)

        return execute

    def _autocast(self, device_type: str) -> ContextManager:
        dtype = self.dtype
        if dtype is None:
            # torch's CPU autocast is in bfloat16 anyway.
            if not (device_type == 'cuda' and torch.is_autocast_enabled()
                    and torch.cuda.is_bf16_supported()):
                return contextlib.nullcontext()
            dtype = 'bfloat16'
        return torch.autocast(
            device_type, DTYPES[dtype], enabled=dtype != 'float32')

    def __str__(self) -> str:
        return ', '.join(
            f'{field.name} {getattr(self, field.name) or "no"}'
            for field in fields(self)).replace(
                'dtype no', "dtype the student's").replace('True', 'yes')


def executions(dtype: Optional[str], channels_last: Union[bool, str],
               compile: Union[bool, str]) -> List[Execution]:
    """List the ways a config leaves open.

    Args:
        dtype (str, optional): See :class:`Execution`, or ``'auto'``.
        channels_last (bool | str): The same.
        compile (bool | str): The same.

    Returns:
        list[Execution]: One where nothing is ``'auto'``.

    Raises:
        ValueError: If the dtype is unknown.
    """
    if dtype not in (None, 'auto', *DTYPES):
        raise ValueError(f'unknown dtype {dtype!r}: choose from '
                         f"{['auto', *DTYPES]}")
    stated = dict(dtype=dtype, channels_last=channels_last, compile=compile)
    choices = (
        _MEASURED[name] if value == 'auto' else (value, )
        for name, value in stated.items())
    return [Execution(*choice) for choice in product(*choices)]


@torch.no_grad()
def measure(network: nn.Module,
            choices: List[Execution],
            inputs: Tensor,
            repeats: int = 3) -> Dict[Execution, float]:
    """Time a network's pass in several ways.

    Args:
        network (nn.Module): The network.
        choices (list[Execution]): The ways.
        inputs (Tensor): A batch of images ``(N, C, H, W)``.
        repeats (int): Timed passes after one to warm up. Defaults to 3.

    Returns:
        dict[Execution, float]: Seconds of the fastest pass; infinite where
        the machine cannot do it.
    """
    return {
        choice: _seconds(choice, network, inputs, repeats)
        for choice in choices
    }


def _seconds(choice: Execution, network: nn.Module, inputs: Tensor,
             repeats: int) -> float:

    def synchronize() -> None:
        if inputs.is_cuda:
            torch.cuda.synchronize()

    try:
        run = choice.prepare(network)
        run(inputs)
        seconds = []
        for _ in range(repeats):
            synchronize()
            start = time.perf_counter()
            run(inputs)
            synchronize()
            seconds.append(time.perf_counter() - start)
        return min(seconds)
    except Exception:  # no compiler, no kernel: many types
        return float('inf')
