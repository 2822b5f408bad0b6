# The DeiT of deit.py with usual hard distillation: no distillation token, the
# class token learns from both labels and teacher.
#
#     python tools/train.py configs/cifar10/deit-usual-hard.py
_base_ = ['./deit.py', '../_base_/teachers/resnet18_cifar10.py']

model = dict(
    type='mmdeit.DistilledClassifier',
    distillation=dict(mode='hard', alpha=0.5))

# twice as fast as fp32 on CPUs with bfloat16
teacher = _base_.teacher
teacher.dtype = 'bfloat16'
default_hooks = dict(teacher=dict(type='mmdeit.TeacherHook', teacher=teacher))
