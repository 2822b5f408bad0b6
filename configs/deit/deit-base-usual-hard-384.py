# DeiT-B with usual hard distillation, fine-tuned at 384 pixels with its
# teacher: 84.0 top-1 on ImageNet-1k (paper Table 3). 30 epochs on 8 GPUs of 64
# images, from the checkpoint of deit-base-usual-hard.py.
#
#     bash tools/dist_train.sh configs/deit/deit-base-usual-hard-384.py 8
_base_ = ['./deit-base-384.py', '../_base_/teachers/regnety_16gf.py']

load_from = 'work_dirs/deit-base-usual-hard/epoch_300.pth'

model = dict(
    type='mmdeit.DistilledClassifier',
    distillation=dict(mode='hard', alpha=0.5))

default_hooks = dict(
    teacher=dict(type='mmdeit.TeacherHook', teacher={{_base_.teacher}}))
