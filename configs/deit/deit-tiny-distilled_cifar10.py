# DeiT-Ti with patches of 4 pixels, distilled on CIFAR-10 from a ResNet-18 with
# 94.22 top-1. From scratch, for one GPU: 200 epochs at a batch of 512.
#
#     python tools/dataset_converters/prepare_cifar10.py
#     python tools/train.py configs/deit/deit-tiny-distilled_cifar10.py
_base_ = [
    '../_base_/models/deit_distilled.py',
    '../_base_/datasets/cifar10.py',
    '../_base_/schedules/deit_bs1024_adamw_300e.py',
    '../_base_/teachers/resnet18_cifar10.py',
    '../_base_/default_runtime.py',
]

model = dict(
    backbone=dict(
        arch='deit-tiny', img_size=32, patch_size=4, drop_path_rate=0.1),
    head=dict(num_classes={{_base_.num_classes}}, in_channels=192))

default_hooks = dict(
    teacher=dict(type='mmdeit.TeacherHook', teacher={{_base_.teacher}}))

train_dataloader = dict(batch_size=512)
optim_wrapper = dict(optimizer=dict(lr=5e-4))  # 5e-4 x batch / 512
train_cfg = dict(max_epochs=200, val_interval=5)
auto_scale_lr = dict(base_batch_size=512)
