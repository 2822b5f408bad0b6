# DeiT-B with usual hard distillation, on the class token alone: 83.0 top-1 on
# ImageNet-1k (paper Table 3). 300 epochs on 8 GPUs of 128 images.
#
#     bash tools/dist_train.sh configs/deit/deit-base-usual-hard.py 8
_base_ = './deit-base-distilled.py'

# the network of deit-base.py, the loss and the teacher of the distilled one
model = dict(
    backbone=dict(type='mmdeit.VisionTransformer'),
    head=dict(type='mmdeit.VisionTransformerClsHead'))
