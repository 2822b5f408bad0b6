"""The device, its memory use and the versions, for the benchmarks."""
import re
import time
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import torch


def device_name(threads: int | None = None) -> str:
    """Return the name of the GPU, or the number of CPU threads.

    Args:
        threads (int, optional): Of another process. Defaults to None: of this.
    """
    if torch.cuda.is_available():
        return torch.cuda.get_device_name()
    return f'CPU, {threads or torch.get_num_threads()} threads'


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


def reset_peak_memory() -> None:
    """Let the peak begin with the bytes in use now."""
    if torch.cuda.is_available():
        torch.cuda.reset_peak_memory_stats()
    else:
        Path('/proc/self/clear_refs').write_text('5')


def circumstances(threads: int | None = None) -> dict[str, str]:
    """Return date, device, and the versions of what is installed.

    Args:
        threads (int, optional): See :func:`device_name`.
    """
    found = dict(date=time.strftime('%Y-%m-%d'), device=device_name(threads))
    for name in ('torch', 'mmengine', 'mmcv', 'mmcv-lite', 'mmpretrain',
                 'timm', 'mmdeit'):
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found


def _process_memory(field: str) -> int:
    # Not getrusage, which inherits the peak of the parent process.
    status = Path('/proc/self/status').read_text()
    return 1024 * int(re.search(rf'{field}:\s+(\d+) kB', status)[1])
