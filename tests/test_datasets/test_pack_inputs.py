import numpy as np
import pytest
import torch
from mmengine.dataset import default_collate

from mmdeit.datasets import PackInputs


@pytest.mark.parametrize('label', [3, np.int64(3), np.array(3), [3], 3.])
def test_packs_tensors(label):
    image = np.arange(24, dtype=np.uint8).reshape(2, 4, 3)
    packed = PackInputs()(dict(img=image, gt_label=label, img_path='a.jpg'))
    assert set(packed) == {'inputs', 'labels'}
    assert packed['inputs'].dtype == torch.uint8
    assert torch.equal(packed['inputs'],
                       torch.from_numpy(image).permute(2, 0, 1))
    assert packed['labels'].dtype == torch.int64 and packed['labels'] == 3


def test_a_batch_is_stacked():
    packed = PackInputs()(
        dict(img=np.ones((4, 4), np.uint8), gt_label=1, erased=(0, 1, 2, 3, 9)))
    batch = default_collate([packed, packed])
    assert batch['inputs'].shape == (2, 1, 4, 4)
    assert batch['labels'].tolist() == [1, 1]
    assert batch['erased'].tolist() == [[0, 1, 2, 3, 9]] * 2


def test_an_image_without_a_label():
    packed = PackInputs()(dict(img=np.ones((4, 4))))
    assert packed['labels'].dtype == torch.int64 and packed['labels'] == -1


@pytest.mark.parametrize('labels', [[], [0, 2]])
def test_one_label_an_image(labels):
    with pytest.raises(ValueError, match=f'has {len(labels)} labels'):
        PackInputs()(dict(img=np.ones((4, 4)), gt_label=labels))
