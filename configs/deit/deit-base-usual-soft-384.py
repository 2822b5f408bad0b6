# DeiT-B with usual soft distillation, fine-tuned at 384 pixels with its
# teacher: 83.2 top-1 on ImageNet-1k (paper Table 3). 30 epochs on 8 GPUs of 64
# images, from the checkpoint of deit-base-usual-soft.py.
#
#     bash tools/dist_train.sh configs/deit/deit-base-usual-soft-384.py 8
_base_ = ['./deit-base-384.py', '../_base_/teachers/regnety_16gf.py']

load_from = 'work_dirs/deit-base-usual-soft/epoch_300.pth'

model = dict(
    type='mmdeit.DistilledClassifier',
    distillation=dict(mode='soft', alpha=0.1, tau=3.0, reduction='numel'))

default_hooks = dict(
    teacher=dict(type='mmdeit.TeacherHook', teacher={{_base_.teacher}}))
