# The DeiT of deit-usual-hard.py without a teacher.
#
#     python tools/train.py configs/cifar10/deit.py
_base_ = './deit-usual-hard.py'

model = dict(head=dict(loss=dict(mode='none')))
custom_hooks = None
