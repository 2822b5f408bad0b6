"""How a teacher is executed: precision, memory layout, compilation.

Which of them is fastest depends on the network, the machine and the release
of torch, so each may be measured instead of chosen.
"""
import contextlib
import math
import time
from dataclasses import dataclass
from itertools import product
from textwrap import shorten
from typing import Callable, ContextManager, Sequence

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
    dtype: str | None = None
    channels_last: bool = False
    compile: bool = False

    def prepare(self, network: nn.Module) -> Callable[[Tensor], Tensor]:
        """Lay out a network's weights, in place, and make it callable."""
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
        if dtype == 'float32':  # which torch 2.1 takes for no autocast dtype
            return torch.autocast(device_type, enabled=False)
        return torch.autocast(device_type, DTYPES[dtype])

    def __str__(self) -> str:
        return ', '.join([
            self.dtype or "the student's dtype",
            'channels last' if self.channels_last else 'channels first',
            'compiled' if self.compile else 'not compiled',
        ])


def executions(dtype: str | None, channels_last: bool | str,
               compile: bool | str) -> list[Execution]:
    """List the executions that a config leaves open: one without ``'auto'``."""
    stated = dict(dtype=dtype, channels_last=channels_last, compile=compile)
    for name, value in stated.items():
        choices = (None, *DTYPES) if name == 'dtype' else (True, False)
        if value not in ('auto', *choices):
            raise ValueError(f"{name} is {value!r}: choose from 'auto', "
                             f'{", ".join(map(repr, choices))}')
    return [
        Execution(*choice) for choice in product(
            *(_MEASURED[name] if value == 'auto' else (value, )
              for name, value in stated.items()))
    ]


def measure(network: nn.Module, choices: Sequence[Execution],
            inputs: Tensor) -> dict[Execution, float]:
    """Time a pass in several executions, in seconds.

    It is infinite where the machine cannot do it; where it can do none, that is
    a ValueError.
    """
    seconds, reason = {}, ''
    for choice in choices:
        try:
            seconds[choice] = fastest_pass(choice.prepare(network), inputs)
        except Exception as error:  # no compiler, no kernel: many types
            seconds[choice] = math.inf
            reason = reason_of(error)
    if min(seconds.values()) == math.inf:
        raise ValueError(
            f'{type(network).__name__} fails on a batch of {len(inputs)} '
            'however it is executed: set dtype, channels_last and compile, '
            f'or take a smaller batch ({reason})')
    return seconds


@torch.no_grad()
def fastest_pass(network: Callable[[Tensor], Tensor],
                 inputs: Tensor,
                 repeats: int = 3) -> float:
    """Time a pass: seconds of the fastest of some, after one to warm up."""

    def synchronize() -> None:
        if inputs.is_cuda:
            torch.cuda.synchronize()

    network(inputs)
    seconds = []
    for _ in range(repeats):
        synchronize()
        start = time.perf_counter()
        network(inputs)
        synchronize()
        seconds.append(time.perf_counter() - start)
    return min(seconds)


def reason_of(error: Exception) -> str:
    """The message of an error, on one short line."""
    return shorten(str(error) or type(error).__name__, 200)
