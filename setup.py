from pathlib import Path

from setuptools import find_packages, setup

ROOT = Path(__file__).parent
VERSION = (ROOT / 'mmdeit/version.py').read_text().split("'")[1]

setup(
    name='mmdeit',
    version=VERSION,
    description='Distilled training of DeiT for OpenMMLab',
    long_description=(ROOT / 'README.md').read_text(encoding='utf-8'),
    long_description_content_type='text/markdown',
    license='Apache-2.0',
    packages=find_packages(include=['mmdeit', 'mmdeit.*']),
    python_requires='>=3.10,<3.13',
    install_requires=[
        'torch>=2.1,<2.12',
        'torchvision>=0.16,<0.27',
        'mmengine>=0.10.7,<0.11',
        'mmpretrain>=1.2.0,<1.3',
        'numpy>=1.23',
    ],
    # mmcv and mmcv-lite own the same folder, so neither can be unconditional.
    extras_require={
        'lite': ['mmcv-lite>=2.1.0,<2.2.0'],
        'mmcv': ['mmcv>=2.1.0,<2.2.0'],
        'teachers': ['timm', 'transformers'],
        # mmsegmentation imports ftfy and regex, but does not declare them.
        'dense': [
            'mmcv>=2.1.0,<2.2.0', 'mmdet>=3.3.0,<3.4',
            'mmsegmentation>=1.2.2,<1.3', 'ftfy', 'regex'
        ],
        'test': ['pytest', 'ruff'],
        'dev': ['pytest', 'ruff', 'timm', 'transformers'],
    },
)
