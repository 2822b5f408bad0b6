"""mmdeit: the distilled training of DeiT as a plugin of OpenMMLab.

Importing the package only checks the versions it stands on. Its components
are found through the registries of :mod:`mmdeit.registry`; in a config write
``type='mmdeit.DeiTClsHead'`` and mmengine imports the rest by itself.
"""
from importlib import import_module

from .version import __version__

# module: (lowest supported version, first unsupported one, how to get it)
_SUPPORTED = {
    'torch': ('2.1', '2.12', "pip install 'torch>=2.1,<2.12'"),
    'mmengine': ('0.10.7', '0.11', "pip install 'mmengine>=0.10.7,<0.11'"),
    'mmcv': ('2.1.0', '2.2.0', "pip install 'mmcv-lite>=2.1.0,<2.2.0', or "
             'mmcv itself where detectors need its compiled ops'),
    'mmpretrain': ('1.2.0', '1.3', "pip install 'mmpretrain>=1.2.0,<1.3'"),
}


def check_dependencies() -> None:
    """Check that every library is there, in a version this package knows.

    Raises:
        ImportError: If one is missing or outside the supported range; the
            message names the range and the command that mends it.
    """
    for name, (lowest, first_unsupported, fix) in _SUPPORTED.items():
        try:
            version = import_module(name).__version__
        except (ImportError, RuntimeError) as error:
            raise ImportError(
                f'mmdeit cannot import {name} ({error}): {fix}') from error
        from mmengine.utils import digit_version
        # A local suffix such as "+cu130" says nothing about compatibility.
        number = digit_version(version.split('+')[0])
        if not (digit_version(lowest) <= number <
                digit_version(first_unsupported)):
            raise ImportError(
                f'mmdeit supports {name}>={lowest},<{first_unsupported}, but '
                f'{name} {version} is installed: {fix}')


check_dependencies()

__all__ = ['__version__', 'check_dependencies']
