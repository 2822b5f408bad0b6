"""Downloading checkpoints, checked by the hash in their name at each use."""
import hashlib
import logging
import os
import re
from pathlib import Path

import torch
from mmengine.dist import all_gather_object
from mmengine.logging import print_log


def fetch_checkpoint(url: str) -> Path:
    """Download a checkpoint once, into torch.hub's cache.

    Its hash is checked each time; a file that has another one is fetched again.

    Args:
        url (str): An ``https://`` address. Its file name ends in the first
            digits of its SHA-256, such as ``regnety_160-a5fe301d.pth``.

    Returns:
        Path: The file on the disk; complete, or not there at all.

    Raises:
        ValueError: If the name has no hash, or the address is another.
        FileNotFoundError: In all processes, if one cannot fetch it, or if it
            has another hash.
    """
    scheme, _, rest = url.partition('://')
    if scheme != 'https':
        raise ValueError(f'{url} could be changed on its way: write '
                         f'https://{rest}, or give the path of a file')
    name = url.rsplit('/', 1)[-1]
    digits = re.search(r'-([0-9a-f]{8,})\.', name)
    if digits is None:
        raise ValueError(f'{url} has no hash in its name to check it by: give '
                         'the path of a file')
    path = Path(torch.hub.get_dir()) / 'checkpoints' / name
    failure = ''
    # Each node has a disk of its own.
    if os.environ.get('LOCAL_RANK', '0') == '0':
        try:
            _fetch(url, path, digits[1])
        except Exception as error:  # the other processes wait, whatever it is
            failure = f'{error or type(error).__name__}'
    failure = next(filter(None, all_gather_object(failure)), '')
    if failure:
        raise FileNotFoundError(
            f'cannot fetch {url} ({failure}): put the file at {path}')
    return path


def _fetch(url: str, path: Path, digits: str) -> None:
    if path.is_file():
        with path.open('rb') as file:
            found = hashlib.sha256()
            while chunk := file.read(1 << 20):
                found.update(chunk)
        if found.hexdigest().startswith(digits):
            return
        print_log(f'{path} is damaged: it is fetched again', 'current',
                  logging.WARNING)
    path.parent.mkdir(parents=True, exist_ok=True)
    # It writes to a name of its own, checks the hash and moves it here.
    torch.hub.download_url_to_file(url, str(path), digits)
