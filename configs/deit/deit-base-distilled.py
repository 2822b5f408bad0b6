# DeiT-B, distilled: 83.4 top-1 on ImageNet-1k (paper Table 3, joint), of which
# the class head alone has 83.0 and the distillation head 83.1.
#
# 300 epochs on 8 GPUs of 128 images; the paper trained the undistilled model
# in 53 hours on 8 V100. The teacher, RegNetY-16GF, costs about 23% of a step.
#
#     bash tools/dist_train.sh configs/deit/deit-base-distilled.py 8
_base_ = [
    '../_base_/datasets/imagenet_deit_224.py',
    '../_base_/schedules/deit_bs1024_adamw_300e.py',
    '../_base_/teachers/regnety_16gf.py',
    '../_base_/deit_runtime.py',
]

model = dict(
    type='ImageClassifier',
    backbone=dict(
        type='mmdeit.DistilledVisionTransformer',
        arch='deit-base',
        img_size=224,
        patch_size=16,
        drop_path_rate=0.1),
    neck=None,
    head=dict(
        type='mmdeit.DeiTClsHead',
        num_classes={{_base_.num_classes}},
        in_channels=768,
        loss=dict(
            type='mmdeit.DistillationLoss',
            mode='hard',
            alpha=0.5,
            base_loss=dict(
                type='LabelSmoothLoss', label_smooth_val=0.1,
                mode='original'))),
    # One of the two, with even chances, for each batch. (mmpretrain draws the
    # partners at random where the official code flips the batch.)
    train_cfg=dict(augments=[
        dict(type='Mixup', alpha=0.8),
        dict(type='CutMix', alpha=1.0),
    ]))

default_hooks = dict(
    teacher=dict(type='mmdeit.TeacherHook', teacher={{_base_.teacher}}))
