# LeViT-128S with the distillation head of its paper (arXiv 2104.01136), which
# mmpretrain cannot train: 76.6 top-1 on ImageNet-1k in the official code's
# README; not trained here yet. 1000 epochs on 8 GPUs of 256 images.
#
#     bash tools/dist_train.sh configs/students/levit-128s-distilled.py 8
#
# The settings are the official code's defaults, except that it clips gradients
# adaptively (timm's AGC, 0.01), which mmengine cannot, trains in fp32, and
# initialises the last batch norm of a residual branch to 0, mmpretrain to 1.
_base_ = [
    '../_base_/datasets/imagenet_deit_224.py',
    '../_base_/schedules/deit_bs1024_adamw_300e.py',
    '../_base_/teachers/regnety_16gf.py',
    '../_base_/deit_runtime.py',
]

model = dict(
    type='mmdeit.DistilledClassifier',
    backbone=dict(
        type='LeViT',
        arch='128s',
        img_size=224,
        patch_size=16,
        attn_ratio=2,
        mlp_ratio=2,
        drop_path_rate=0,
        out_indices=(2, )),
    neck=dict(type='GlobalAveragePooling'),
    head=dict(
        type='LeViTClsHead',
        num_classes={{_base_.num_classes}},
        in_channels=384,
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

# per GPU and pass; 2048 per step, repeats counted
train_dataloader = dict(batch_size=256)
data_preprocessor = dict(group_size=256)

optim_wrapper = dict(
    optimizer=dict(lr=5e-4 * 2048 / 512, weight_decay=0.025),
    paramwise_cfg=dict(
        custom_keys={'.attention_biases': dict(decay_mult=0.0)}))

train_cfg = dict(max_epochs=1000)

auto_scale_lr = dict(base_batch_size=2048)

default_hooks = dict(
    teacher=dict(type='mmdeit.TeacherHook', teacher={{_base_.teacher}}),
    ema=dict(update_buffers=True))  # those of batch norm
