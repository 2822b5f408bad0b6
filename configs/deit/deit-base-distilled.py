# DeiT-B, distilled: 83.4 top-1 on ImageNet-1k (paper Table 3, joint); the class
# head alone has 83.0, the distillation head 83.1.
#
# 300 epochs on 8 GPUs of 128 images; the paper trained the undistilled model in
# 53 hours on 8 V100s. The teacher, RegNetY-16GF, costs about 23% of a step.
#
#     bash tools/dist_train.sh configs/deit/deit-base-distilled.py 8
_base_ = [
    '../_base_/models/deit_distilled.py',
    '../_base_/datasets/imagenet_deit_224.py',
    '../_base_/schedules/deit_bs1024_adamw_300e.py',
    '../_base_/teachers/regnety_16gf.py',
    '../_base_/deit_runtime.py',
]

model = dict(
    backbone=dict(
        arch='deit-base', img_size=224, patch_size=16, drop_path_rate=0.1),
    head=dict(num_classes={{_base_.num_classes}}, in_channels=768))

default_hooks = dict(
    teacher=dict(type='mmdeit.TeacherHook', teacher={{_base_.teacher}}))
