import runpy
from pathlib import Path

from setuptools import find_packages, setup

ROOT = Path(__file__).parent
VERSION = runpy.run_path(str(ROOT / 'mmdeit/version.py'))


def supported(name: str) -> str:
    """The requirement of a library, as ``'torch>=2.1,<2.12'``."""
    return name + VERSION['SUPPORTED'][name]


setup(
    name='mmdeit',
    version=VERSION['__version__'],
    description='Distilled training of DeiT for OpenMMLab',
    long_description=(ROOT / 'README.md').read_text(encoding='utf-8'),
    long_description_content_type='text/markdown',
    license='Apache-2.0',
    packages=find_packages(include=['mmdeit', 'mmdeit.*']),
    python_requires='>=3.10,<3.13',
    install_requires=[
        supported('torch'),
        'torchvision>=0.16,<0.27',
        supported('mmengine'),
        supported('mmpretrain'),
        'numpy>=1.23',
    ],
    # mmcv and mmcv-lite own the same folder, so neither can be unconditional.
    extras_require={
        'lite': [supported('mmcv').replace('mmcv', 'mmcv-lite')],
        'mmcv': [supported('mmcv')],
        'teachers': ['timm', 'transformers'],
        # mmsegmentation imports ftfy and regex, but does not declare them.
        'dense': [
            supported('mmcv'),
            supported('mmdet'),
            supported('mmsegmentation'), 'ftfy', 'regex'
        ],
        'test': ['pytest', 'ruff'],
        'dev': ['pytest', 'ruff', 'timm', 'transformers'],
    },
)
