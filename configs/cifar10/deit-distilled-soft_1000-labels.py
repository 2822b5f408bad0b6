# The DeiT of deit-distilled_1000-labels.py with the teacher's soft labels.
#
#     python tools/train.py configs/cifar10/deit-distilled-soft_1000-labels.py
_base_ = './deit-distilled_1000-labels.py'

model = dict(
    head=dict(loss=dict(mode='soft', tau=2.0, reduction='batchmean')))
