"""The version and the libraries it runs with; imports nothing, for setup.py."""
__version__ = '0.2.0'

# distribution: supported versions
SUPPORTED = {
    'mmengine': '>=0.10.7,<0.11',
    'torch': '>=2.1,<2.12',
    'mmcv': '>=2.1.0,<2.2.0',
    'mmpretrain': '>=1.2.0,<1.3',
    # detectors and segmentors only
    'mmdet': '>=3.3.0,<3.4',
    'mmsegmentation': '>=1.2.2,<1.3',
}
