"""The name of the device and its memory use, for the benchmarks."""
import re
from pathlib import Path

import torch


def device_name() -> str:
    """Return the name of the GPU, or the number of CPU threads."""
    if torch.cuda.is_available():
        return torch.cuda.get_device_name()
    return f'CPU, {torch.get_num_threads()} threads'


def memory() -> int:
    """Return the bytes in use now, on the GPU or else by the process."""
    if torch.cuda.is_available():
        return torch.cuda.memory_allocated()
    return _process_memory('VmRSS')


def peak_memory() -> int:
    """Return the peak of bytes in use, on the GPU or else by the process."""
    if torch.cuda.is_available():
        return torch.cuda.max_memory_allocated()
    return _process_memory('VmHWM')


def _process_memory(field: str) -> int:
    # Not getrusage, which inherits the peak of the parent process.
    status = Path('/proc/self/status').read_text()
    return 1024 * int(re.search(rf'{field}:\s+(\d+) kB', status)[1])
