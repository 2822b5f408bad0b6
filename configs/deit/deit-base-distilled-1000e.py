# DeiT-B, distilled for 1000 epochs: 84.2 top-1 on ImageNet-1k (paper Table 5).
# 8 GPUs of 128 images.
#
#     bash tools/dist_train.sh configs/deit/deit-base-distilled-1000e.py 8
_base_ = './deit-base-distilled.py'

train_cfg = dict(max_epochs=1000)
