# The DeiT of deit.py with usual hard distillation: no token of its own, the
# class token learns from labels and teacher alike.
#
#     python tools/train.py configs/cifar10/deit-usual-hard.py
_base_ = ['./deit.py', '../_base_/teachers/resnet18_cifar10.py']

model = dict(
    type='mmdeit.DistilledClassifier',
    distillation=dict(mode='hard', alpha=0.5))

# twice as fast as fp32 where a CPU has bfloat16
teacher = _base_.teacher
teacher.dtype = 'bfloat16'
default_hooks = dict(teacher=dict(type='mmdeit.TeacherHook', teacher=teacher))
