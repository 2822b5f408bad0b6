# DeiT-Ti, distilled: 74.5 top-1 on ImageNet-1k (paper Table 3, joint); the
# class head alone has 73.9, the distillation head 74.6.
#
# 300 epochs on 8 GPUs of 128 images. The teacher, RegNetY-16GF, is about 81% of
# the work of a step.
#
#     bash tools/dist_train.sh configs/deit/deit-tiny-distilled.py 8
_base_ = './deit-base-distilled.py'

model = dict(
    backbone=dict(arch='deit-tiny'),
    head=dict(in_channels=192))
