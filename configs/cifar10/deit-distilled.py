# The DeiT of deit.py, distilled through a distillation token.
#
#     python tools/train.py configs/cifar10/deit-distilled.py
_base_ = ['./deit.py', '../_base_/teachers/resnet18_cifar10.py']

model = dict(
    backbone=dict(type='mmdeit.DistilledVisionTransformer'),
    head=dict(
        _delete_=True,
        type='mmdeit.DeiTClsHead',
        num_classes={{_base_.num_classes}},
        in_channels=96,
        loss=dict(type='mmdeit.DistillationLoss', mode='hard', alpha=0.5)))

# twice as fast as fp32 on CPUs with bfloat16
teacher = _base_.teacher
teacher.dtype = 'bfloat16'
default_hooks = dict(teacher=dict(type='mmdeit.TeacherHook', teacher=teacher))
