# The DeiT of deit-usual-hard_1000-labels.py with the teacher's soft labels.
#
#     python tools/train.py configs/cifar10/deit-usual-soft_1000-labels.py
_base_ = './deit-usual-hard_1000-labels.py'

model = dict(
    distillation=dict(mode='soft', tau=2.0, reduction='batchmean'))
