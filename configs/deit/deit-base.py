# DeiT-B without distillation: 81.8 top-1 on ImageNet-1k (paper Table 3). The
# twin of deit-base-distilled.py: the same recipe, no teacher, no second token.
#
# 300 epochs on 8 GPUs of 128 images; 53 hours on 8 V100 in the paper.
#
#     bash tools/dist_train.sh configs/deit/deit-base.py 8
_base_ = [
    '../_base_/datasets/imagenet_deit_224.py',
    '../_base_/schedules/deit_bs1024_adamw_300e.py',
    '../_base_/deit_runtime.py',
]

model = dict(
    type='ImageClassifier',
    backbone=dict(
        type='mmdeit.VisionTransformer',
        arch='deit-base',
        img_size=224,
        patch_size=16,
        drop_path_rate=0.1),
    neck=None,
    head=dict(
        type='VisionTransformerClsHead',
        num_classes={{_base_.num_classes}},
        in_channels=768,
        init_cfg=dict(type='TruncNormal', layer='Linear', std=.02),
        loss=dict(
            type='LabelSmoothLoss', label_smooth_val=0.1, mode='original')),
    # one of the two, with even chances, for each batch
    train_cfg=dict(augments=[
        dict(type='Mixup', alpha=0.8),
        dict(type='CutMix', alpha=1.0),
    ]))
