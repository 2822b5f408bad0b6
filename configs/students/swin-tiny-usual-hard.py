# Swin-T with usual hard distillation: one classifier learns from both labels
# and teacher. Otherwise Swin's own recipe (arXiv 2103.14030), with 81.3 top-1
# on ImageNet-1k undistilled; not trained here yet. 300 epochs on 8 GPUs of 128
# images.
#
#     bash tools/dist_train.sh configs/students/swin-tiny-usual-hard.py 8
#
# Without a teacher:
#     --cfg-options model.distillation.mode=none default_hooks.teacher=None
_base_ = [
    '../_base_/datasets/imagenet_deit_224.py',
    '../_base_/schedules/deit_bs1024_adamw_300e.py',
    '../_base_/teachers/regnety_16gf.py',
    '../_base_/default_runtime.py',
]

model = dict(
    type='mmdeit.DistilledClassifier',
    backbone=dict(
        type='SwinTransformer', arch='tiny', img_size=224, drop_path_rate=0.2),
    neck=dict(type='GlobalAveragePooling'),
    head=dict(
        type='LinearClsHead',
        num_classes={{_base_.num_classes}},
        in_channels=768,
        init_cfg=None,  # the model's
        loss=dict(
            type='LabelSmoothLoss', label_smooth_val=0.1, mode='original')),
    distillation=dict(mode='hard', alpha=0.5),
    init_cfg=[
        dict(type='TruncNormal', layer='Linear', std=0.02, bias=0.),
        dict(type='Constant', layer='LayerNorm', val=1., bias=0.),
    ],
    # one of the two, with even chances, for each group of images
    train_cfg=dict(augments=[
        dict(type='Mixup', alpha=0.8),
        dict(type='CutMix', alpha=1.0),
    ]))

# no repeated augmentation
train_dataloader = dict(
    sampler=dict(_delete_=True, type='DefaultSampler', shuffle=True))

optim_wrapper = dict(
    clip_grad=dict(max_norm=5.0),
    paramwise_cfg=dict(
        custom_keys={
            '.relative_position_bias_table': dict(decay_mult=0.0)
        }))

# with every iteration
param_scheduler = dict(warmup=20, delay=0, convert_to_iter_based=True)

default_hooks = dict(
    teacher=dict(type='mmdeit.TeacherHook', teacher={{_base_.teacher}}))
