"""Loading an image as the official code does, or saying which one cannot be."""
import contextlib
from collections.abc import Iterator
from textwrap import shorten

from mmcv.transforms import LoadImageFromFile as _LoadImageFromFile

from mmdeit.registry import TRANSFORMS

# Within decode_once(): of the last image its loader and path, and what was
# loaded.
_last: dict[tuple, dict] | None = None


@contextlib.contextmanager
def decode_once() -> Iterator[None]:
    """Keep the last image, for views of it that follow one another."""
    global _last
    _last = {}
    try:
        yield
    finally:
        _last = None


@TRANSFORMS.register_module()
class LoadImageFromFile(_LoadImageFromFile):
    """mmcv's loader, whose errors name the file.

    The decoders do not, and a worker meets one broken file in a million. Keys
    and arguments are those of mmcv's transform.

    Args:
        color_type (str): Defaults to ``'color_ignore_orientation'``: PIL, and
            with it the official code, leaves images as they are stored, where
            mmcv turns them as their EXIF tag says (``'color'``).

    Raises:
        ValueError: In ``transform``, if an image cannot be read or decoded.
    """

    def __init__(self,
                 color_type: str = 'color_ignore_orientation',
                 **kwargs) -> None:
        super().__init__(color_type=color_type, **kwargs)

    def transform(self, results: dict) -> dict | None:
        """Load ``img``, ``(H, W, 3)`` in BGR, from ``img_path``."""
        if _last is None:
            return self._load(results)
        key = self, results['img_path']
        if key not in _last:
            loaded = self._load(dict(img_path=results['img_path']))
            _last.clear()
            _last[key] = loaded
        # What follows may write into it.
        loaded = _last[key]
        return loaded and {**results, **loaded, 'img': loaded['img'].copy()}

    def _load(self, results: dict) -> dict | None:
        try:
            return super().transform(results)
        except Exception as error:  # every decoder has its own
            raise ValueError(
                f"cannot read the image {results['img_path']}: replace or "
                f'remove it ({shorten(str(error), 200)})') from error
