"""Download Fashion-MNIST (arXiv 1708.07747, MIT licence) to where configs look.

It writes the four extracted idx files that mmpretrain's ``FashionMNIST`` reads
with ``download=False``. They come from the data set's own address or, if that
is unreachable, from the Debian package, which is unpacked into a temporary
folder and not installed.
"""
import argparse
import gzip
import shutil
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from urllib.parse import urljoin

from download import atomic, download, reusable, run_quietly, use_first
from mmpretrain.datasets import FashionMNIST

from mmdeit.cli import add_traceback_argument, check_output, end_in_one_line

PACKAGE = 'dataset-fashion-mnist'

# Of the extracted files: Debian recompresses them, so mmpretrain's MD5s of the
# .gz files are only valid for the data set's own address.
SHA256 = {
    'train-images-idx3-ubyte':
    'c59f468a2f672dc815687fe0f83887768d799fd8a3f3276145d20f83aa44d888',
    'train-labels-idx1-ubyte':
    'bad3541b69d912435c50bb6ba87bec294ff4f6a2e1246121d8633921760443d9',
    't10k-images-idx3-ubyte':
    '5b4141f0afbad91edebe8549f8fcffe087ea10ca49f1dbef5c9a5cd8815ce37b',
    't10k-labels-idx1-ubyte':
    '0402a96d92fd2663957122ceb108a494c5af83dab82d92729df917d7dec38c34',
}


def extract(folder: Path, out: Path) -> None:
    """Extract the four ``.gz`` files of a folder to another and verify them."""
    for name, sha256 in SHA256.items():
        with (gzip.open(folder / f'{name}.gz') as source,
              atomic(out / name, sha256=sha256) as part,
              part.open('wb') as target):
            shutil.copyfileobj(source, target)


def from_own_address(out: Path) -> None:
    """Download the four files from the address that mmpretrain uses."""
    with TemporaryDirectory() as tmp:
        for name, md5 in FashionMNIST.train_list + FashionMNIST.test_list:
            url = urljoin(FashionMNIST.url_prefix, name)
            download(url, Path(tmp, name), md5=md5)
        extract(Path(tmp), out)


def from_debian(out: Path) -> None:
    """Unpack the Debian package without installing it."""
    with TemporaryDirectory() as tmp:
        # Use separate lists and cache: the system's may be missing and belong
        # to root. apt-get creates the folders of a cache, but not of lists.
        Path(tmp, 'lists/partial').mkdir(parents=True)
        apt = ['apt-get', '-o', f'Dir::State::Lists={tmp}/lists',
               '-o', f'Dir::Cache={tmp}/cache',
               '-o', 'Acquire::http::Timeout=10',
               '-o', 'Acquire::https::Timeout=10']
        run_quietly([*apt, 'update'], cwd=Path(tmp))
        run_quietly([*apt, 'download', PACKAGE], cwd=Path(tmp))
        package, = Path(tmp).glob('*.deb')
        run_quietly(['dpkg-deb', '-x', str(package), tmp], cwd=Path(tmp))
        extract(Path(tmp, 'usr/share/datasets/fashion-mnist'), out)


def parse_args(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description='Download Fashion-MNIST from its own address, or from the '
        f'Debian package {PACKAGE}.')
    parser.add_argument(
        '--out',
        type=Path,
        default=Path('data/fashion-mnist'),
        help='folder for the four idx files (default: %(default)s)')
    add_traceback_argument(parser)
    return parser.parse_args(argv)


def fetch(out: Path) -> None:
    """Fetch the images, unless they are there."""
    # A list, so that a line is printed for each file.
    if all([reusable(out / name, sha256=SHA256[name]) for name in SHA256]):
        return
    sources = {
        FashionMNIST.url_prefix: lambda: from_own_address(out),
        f'the Debian package {PACKAGE}': lambda: from_debian(out),
    }
    use_first(sources, fix=f'put {", ".join(SHA256)} into {out} yourself')
    print(f'Fashion-MNIST is in {out}')


def main(argv: Sequence[str] | None = None) -> None:
    args = parse_args(argv)
    with end_in_one_line(args):
        check_output(args.out, '--out', folder=True)
        fetch(args.out)


if __name__ == '__main__':
    main()
