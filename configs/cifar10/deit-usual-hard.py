# The DeiT of deit-distilled.py with usual hard distillation: no token of its
# own, the class token learns from labels and teacher alike.
#
#     python tools/train.py configs/cifar10/deit-usual-hard.py
_base_ = './deit-distilled.py'

model = dict(
    backbone=dict(type='mmdeit.VisionTransformer'),
    head=dict(type='mmdeit.VisionTransformerClsHead'))
