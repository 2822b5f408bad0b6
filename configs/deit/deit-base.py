# DeiT-B without distillation: 81.8 top-1 on ImageNet-1k (paper Table 3). The
# twin of deit-base-distilled.py: the same recipe, no teacher, no second token.
#
# 300 epochs on 8 GPUs of 128 images; 53 hours on 8 V100s in the paper.
#
#     bash tools/dist_train.sh configs/deit/deit-base.py 8
_base_ = [
    '../_base_/models/deit.py',
    '../_base_/datasets/imagenet_deit_224.py',
    '../_base_/schedules/deit_bs1024_adamw_300e.py',
    '../_base_/deit_runtime.py',
]

model = dict(
    backbone=dict(
        arch='deit-base', img_size=224, patch_size=16, drop_path_rate=0.1),
    head=dict(num_classes={{_base_.num_classes}}, in_channels=768))
