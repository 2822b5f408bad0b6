# DeiT-B with usual hard distillation, on the class token alone: 83.0 top-1 on
# ImageNet-1k (paper Table 3). 300 epochs on 8 GPUs of 128 images.
#
#     bash tools/dist_train.sh configs/deit/deit-base-usual-hard.py 8
_base_ = ['./deit-base.py', '../_base_/teachers/regnety_16gf.py']

model = dict(
    type='mmdeit.DistilledClassifier',
    distillation=dict(mode='hard', alpha=0.5))

default_hooks = dict(
    teacher=dict(type='mmdeit.TeacherHook', teacher={{_base_.teacher}}))
