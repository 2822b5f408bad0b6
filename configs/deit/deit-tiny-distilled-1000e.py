# DeiT-Ti, distilled for 1000 epochs: 76.6 top-1 on ImageNet-1k (paper Table 5).
# 8 GPUs of 128 images.
#
#     bash tools/dist_train.sh configs/deit/deit-tiny-distilled-1000e.py 8
_base_ = './deit-tiny-distilled.py'

train_cfg = dict(max_epochs=1000)
