# EfficientFormer-L1 with the distillation head of its paper (arXiv 2206.01191),
# which mmpretrain cannot train: 79.2 top-1 on ImageNet-1k in the official
# code's README; not trained here yet. 300 epochs on 8 GPUs of 128 images.
#
#     bash tools/dist_train.sh \
#         configs/students/efficientformer-l1-distilled.py 8
#
# The settings are the official code's defaults, except that it clips gradients
# adaptively (timm's AGC, 0.01), which mmengine cannot, and trains in fp32.
_base_ = [
    '../_base_/datasets/imagenet_deit_224.py',
    '../_base_/schedules/deit_bs1024_adamw_300e.py',
    '../_base_/teachers/regnety_16gf.py',
    '../_base_/deit_runtime.py',
]

model = dict(
    type='mmdeit.DistilledClassifier',
    backbone=dict(
        type='EfficientFormer',
        arch='l1',
        drop_path_rate=0,
        init_cfg=[
            dict(
                type='TruncNormal',
                layer=['Conv2d', 'Linear'],
                std=.02,
                bias=0.),
            dict(type='Constant', layer=['GroupNorm'], val=1., bias=0.),
            dict(type='Constant', layer=['LayerScale'], val=1e-5),
        ]),
    neck=dict(type='GlobalAveragePooling', dim=1),
    head=dict(
        type='EfficientFormerClsHead',
        num_classes={{_base_.num_classes}},
        in_channels=448,
        distillation=True,  # a second classifier, for the teacher
        init_cfg=dict(type='TruncNormal', layer='Linear', std=.02),
        loss=dict(
            type='LabelSmoothLoss', label_smooth_val=0.1, mode='original')),
    distillation=dict(mode='hard', alpha=0.5),
    # one of the two, with even chances, for each group of images
    train_cfg=dict(augments=[
        dict(type='Mixup', alpha=0.8),
        dict(type='CutMix', alpha=1.0),
    ]))

# not scaled with the batch size
optim_wrapper = dict(optimizer=dict(lr=2e-3, weight_decay=0.025))

default_hooks = dict(
    teacher=dict(type='mmdeit.TeacherHook', teacher={{_base_.teacher}}),
    ema=dict(update_buffers=True))  # those of batch norm
