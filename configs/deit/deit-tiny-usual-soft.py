# DeiT-Ti with usual soft distillation, on the class token alone: 72.2 top-1 on
# ImageNet-1k (paper Table 3). 300 epochs on 8 GPUs of 128 images.
#
#     bash tools/dist_train.sh configs/deit/deit-tiny-usual-soft.py 8
_base_ = './deit-base-usual-soft.py'

model = dict(
    backbone=dict(arch='deit-tiny'),
    head=dict(in_channels=192))
