# The DeiT of deit.py on 1,000 images and their labels, for as many views.
#
#     python tools/train.py configs/cifar10/deit_1000-labels.py
_base_ = './deit.py'

labelled = _base_.train_dataloader.dataset
labelled.indices = 1000

train_dataloader = dict(
    dataset=dict(
        _delete_=True, type='RepeatDataset', times=50, dataset=labelled))
