# The DeiT of deit-distilled.py, which learns from 1,000 labels and from the
# teacher on all images.
#
#     python tools/train.py configs/cifar10/deit-distilled_1000-labels.py
_base_ = './deit-distilled.py'

labelled = _base_.train_dataloader.dataset
unlabelled = dict(labelled)
unlabelled.update(
    indices=-49000,
    pipeline=[dict(type='Collect', keys=['img']), *labelled.pipeline])
labelled.indices = 1000

train_dataloader = dict(
    dataset=dict(
        _delete_=True, type='ConcatDataset', datasets=[labelled, unlabelled]))
