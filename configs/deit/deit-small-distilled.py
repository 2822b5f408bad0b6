# DeiT-S, distilled: 81.2 top-1 on ImageNet-1k (paper Table 3, joint); the class
# head alone has 80.9, the distillation head 81.1.
#
# 300 epochs on 8 GPUs of 128 images. The teacher, RegNetY-16GF, is about 54% of
# the work of a step.
#
#     bash tools/dist_train.sh configs/deit/deit-small-distilled.py 8
_base_ = './deit-base-distilled.py'

model = dict(
    backbone=dict(arch='deit-small'),
    head=dict(in_channels=384))
