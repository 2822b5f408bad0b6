# DeiT-Ti without distillation: 72.2 top-1 on ImageNet-1k (paper Table 3). The
# twin of deit-tiny-distilled.py: the same recipe, no teacher, no second token.
#
# 300 epochs on 8 GPUs of 128 images.
#
#     bash tools/dist_train.sh configs/deit/deit-tiny.py 8
_base_ = './deit-base.py'

model = dict(
    backbone=dict(arch='deit-tiny'),
    head=dict(in_channels=192))
