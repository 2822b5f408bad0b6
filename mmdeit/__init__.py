"""mmdeit: the distilled training of DeiT as a plugin of OpenMMLab.

Importing the package only checks the versions it stands on. Its components
are found through the registries of :mod:`mmdeit.registry`; in a config write
``type='mmdeit.DeiTClsHead'`` and mmengine imports the rest by itself.
"""
from importlib import import_module

from .version import SUPPORTED, __version__


def check_dependencies() -> None:
    """Check that each library is there, in a version of its range.

    Raises:
        ImportError: Where one is not, with the command that mends it.
    """
    for name in ('mmengine', 'torch', 'mmcv', 'mmpretrain'):
        wanted = name + SUPPORTED[name]
        fix = f"pip install '{wanted}'"
        if name == 'mmcv':
            fix = (fix.replace('mmcv', 'mmcv-lite') +
                   ', or mmcv itself where detectors need its compiled ops')
        try:
            version = import_module(name).__version__
        except (ImportError, RuntimeError) as error:
            raise ImportError(
                f'mmdeit cannot import {name} ({error}): {fix}') from error
        from packaging.specifiers import SpecifierSet  # mmengine requires it
        if not SpecifierSet(SUPPORTED[name]).contains(version, True):
            raise ImportError(f'mmdeit supports {wanted}, but {name} {version} '
                              f'is installed: {fix}')


check_dependencies()

__all__ = ['__version__', 'check_dependencies']
