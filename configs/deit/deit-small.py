# DeiT-S without distillation: 79.8 top-1 on ImageNet-1k (paper Table 3). The
# twin of deit-small-distilled.py: the same recipe, no teacher, no second token.
#
# 300 epochs on 8 GPUs of 128 images.
#
#     bash tools/dist_train.sh configs/deit/deit-small.py 8
_base_ = './deit-base.py'

model = dict(
    backbone=dict(arch='deit-small'),
    head=dict(in_channels=384))
