"""Results in a file: a list in JSON, of which each line is a row."""
import json
from collections.abc import Iterable
from pathlib import Path

from mmdeit.files import write_atomically


def write_rows(path: Path, rows: Iterable[dict]) -> None:
    """Write rows of plain values, whole or not at all."""
    lines = ',\n'.join(map(json.dumps, rows))
    path.parent.mkdir(parents=True, exist_ok=True)
    write_atomically(path, f'[\n{lines}\n]\n'.encode())
