"""Reading and comparing the official numbers; tests/golden/README.md."""
import json
from pathlib import Path
from typing import List

from torch import Tensor

FOLDER = Path(__file__).resolve().parents[1] / 'golden'
FULL = 100  # the largest tensor that is kept whole
ENTRIES = 16


def load(name: str) -> dict:
    """Read ``tests/golden/<name>.json``."""
    return json.loads((FOLDER / f'{name}.json').read_text())


def summary(tensor: Tensor) -> List[float]:
    """What is kept of a tensor: its numbers, or a digest of a large one.

    The digest is the mean, the mean magnitude and 16 entries, evenly spaced
    from the first on.
    """
    flat = tensor.detach().double().flatten()
    if flat.numel() > FULL:
        step = flat.numel() // ENTRIES
        entries = flat[::step][:ENTRIES]
        return [flat.mean().item(), flat.abs().mean().item(), *entries.tolist()]
    return flat.tolist()
