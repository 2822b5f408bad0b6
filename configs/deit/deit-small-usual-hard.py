# DeiT-S with usual hard distillation, on the class token alone: 80.9 top-1 on
# ImageNet-1k (paper Table 3). 300 epochs on 8 GPUs of 128 images.
#
#     bash tools/dist_train.sh configs/deit/deit-small-usual-hard.py 8
_base_ = './deit-base-usual-hard.py'

model = dict(
    backbone=dict(arch='deit-small'),
    head=dict(in_channels=384))
