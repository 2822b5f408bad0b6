import pytest
from mmengine.registry import DATASETS
from mmpretrain.datasets import ImageNet

from mmdeit.registry import resolve


@pytest.mark.parametrize('kind, scope', [
    ('ImageNet', None),
    ('ImageNet', 'mmpretrain'),
    ('mmpretrain.ImageNet', 'mmengine'),
    (ImageNet, 'mmengine'),
])
def test_a_type_with_or_without_its_scope(kind, scope):
    assert resolve(DATASETS, kind, scope) is ImageNet


def test_a_type_of_no_class():
    assert resolve(DATASETS, 'ImageNot', 'mmpretrain') is None
    assert resolve(DATASETS, None) is None
