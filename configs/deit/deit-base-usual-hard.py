# DeiT-B with usual hard distillation, on the class token alone: 83.0 top-1 on
# ImageNet-1k (paper Table 3). 300 epochs on 8 GPUs of 128 images.
#
#     bash tools/dist_train.sh configs/deit/deit-base-usual-hard.py 8
_base_ = [
    '../_base_/datasets/imagenet_deit_224.py',
    '../_base_/schedules/deit_bs1024_adamw_300e.py',
    '../_base_/teachers/regnety_16gf.py',
    '../_base_/default_runtime.py',
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
        type='mmdeit.VisionTransformerClsHead',
        num_classes=1000,
        in_channels=768,
        loss=dict(
            type='mmdeit.DistillationLoss',
            mode='hard',
            alpha=0.5,
            base_loss=dict(
                type='LabelSmoothLoss', label_smooth_val=0.1,
                mode='original'))),
    # one of the two, with even chances, for each batch
    train_cfg=dict(augments=[
        dict(type='Mixup', alpha=0.8),
        dict(type='CutMix', alpha=1.0),
    ]))

custom_hooks = [
    dict(
        type='mmdeit.TeacherHook',
        teacher={{_base_.teacher}},
        checkpoint={{_base_.teacher_checkpoint}}),
    dict(
        type='mmdeit.EMAHook',
        momentum=1 - 0.99996,
        evaluate_on_ema=False,
        evaluate_on_origin=True),
]
