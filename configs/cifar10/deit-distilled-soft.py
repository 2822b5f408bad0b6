# The DeiT of deit-distilled.py, both heads of which learn from the teacher's
# soft labels, and from no label.
#
#     python tools/train.py configs/cifar10/deit-distilled-soft.py
_base_ = './deit-distilled.py'

model = dict(
    head=dict(
        loss=dict(mode='soft', alpha=1.0, tau=2.0, reduction='batchmean')))
