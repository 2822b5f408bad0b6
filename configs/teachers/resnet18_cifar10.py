# The teacher of deit-tiny-distilled_cifar10.py: 94.22 top-1 on CIFAR-10.
#
#     python tools/dataset_converters/prepare_cifar10.py
#     python tools/test.py configs/teachers/resnet18_cifar10.py \
#         checkpoints/resnet18_cifar10.pth
_base_ = [
    '../_base_/datasets/cifar10.py',
    '../_base_/teachers/resnet18_cifar10.py',
    '../_base_/default_runtime.py',
]

model = {{_base_.teacher.model}}

test_cfg = dict()
# for testing only
train_dataloader = None
val_dataloader = None
val_evaluator = None
