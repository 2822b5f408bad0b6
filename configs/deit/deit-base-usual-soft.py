# DeiT-B with usual soft distillation, on the class token alone: 81.8 top-1 on
# ImageNet-1k (paper Table 3). 300 epochs on 8 GPUs of 128 images.
#
#     bash tools/dist_train.sh configs/deit/deit-base-usual-soft.py 8
_base_ = './deit-base-usual-hard.py'

model = dict(
    distillation=dict(
        mode='soft',
        alpha=0.1,
        tau=3.0,
        # divides by batch and classes, as in the official code; 'batchmean'
        # weighs the distillation 1000 times as much
        reduction='numel'))
