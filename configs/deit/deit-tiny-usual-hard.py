# DeiT-Ti with usual hard distillation, on the class token alone: 74.3 top-1 on
# ImageNet-1k (paper Table 3). 300 epochs on 8 GPUs of 128 images.
#
#     bash tools/dist_train.sh configs/deit/deit-tiny-usual-hard.py 8
_base_ = './deit-base-usual-hard.py'

model = dict(
    backbone=dict(arch='deit-tiny'),
    head=dict(in_channels=192))
