# DeiT-S, distilled for 1000 epochs: 82.6 top-1 on ImageNet-1k (paper Table 5).
# 8 GPUs of 128 images.
#
#     bash tools/dist_train.sh configs/deit/deit-small-distilled-1000e.py 8
_base_ = './deit-small-distilled.py'

train_cfg = dict(max_epochs=1000)
