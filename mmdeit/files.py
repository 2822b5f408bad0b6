"""Files that are written whole or not at all."""
import contextlib
import errno
import os
from pathlib import Path

from mmengine.fileio import LocalBackend, register_backend
from mmengine.utils import mkdir_or_exist

# Of a fixed name beside the file: kills leave one of them, not a heap.
PART = '.part'

NO_SPACE = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


def write_atomically(path: str | Path, data: bytes) -> None:
    """Write a file such that whoever reads it finds the old or the new one.

    Killed in the middle, it leaves ``path`` as it was, and a ``.part`` file
    beside it that the next call overwrites. A link stays a link.

    Raises:
        OSError: If that is impossible, as on a full disk. Nothing is left.
    """
    path = os.path.realpath(path)
    part = path + PART
    try:
        with open(part, 'wb') as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        os.replace(part, path)
    except BaseException:
        with contextlib.suppress(OSError):
            os.remove(part)
        raise
    # The new name survives a power cut, too; some file systems cannot do it.
    with contextlib.suppress(OSError):
        folder = os.open(os.path.dirname(path), os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)


@register_backend('mmdeit.atomic')
class AtomicBackend(LocalBackend):
    """mmengine's backend for local files, for the state of a training."""

    def put(self, obj: bytes, filepath: str | Path) -> None:
        """Write a checkpoint, or its pointer, whole or not at all."""
        try:
            mkdir_or_exist(os.path.dirname(filepath))
            write_atomically(filepath, obj)
        except OSError as error:
            fix = ('free space there or lower '
                   'default_hooks.checkpoint.max_keep_ckpts'
                   if error.errno in NO_SPACE else 'make its folder writable')
            raise OSError(
                f'cannot write {filepath} ({error.strerror}): {fix}. The '
                'checkpoints before it are whole: --resume goes on from '
                'them') from error

    def put_text(self,
                 obj: str,
                 filepath: str | Path,
                 encoding: str = 'utf-8') -> None:
        """The same for text."""
        self.put(obj.encode(encoding), filepath)
