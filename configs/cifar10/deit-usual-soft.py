# The DeiT of deit.py with usual soft distillation, from the teacher alone.
#
#     python tools/train.py configs/cifar10/deit-usual-soft.py
_base_ = './deit-usual-hard.py'

model = dict(
    distillation=dict(
        mode='soft', alpha=1.0, tau=2.0, reduction='batchmean'))
