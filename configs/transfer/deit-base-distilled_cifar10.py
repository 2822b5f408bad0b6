# Distilled DeiT-B on CIFAR-10, without a teacher: 99.1 top-1 in the paper
# (Table 7, which does not say if it kept the teacher). 1000 epochs on 8 GPUs of
# 96 images, from the checkpoint of deit-base-distilled.py.
#
# The recipe is the maintainers' first (deit#45); their other one (dino#81) is
# AdamW at 7.5e-6, weight decay 0.05 and drop-path 0.1.
#
#     python tools/dataset_converters/prepare_cifar10.py
#     bash tools/dist_train.sh \
#         configs/transfer/deit-base-distilled_cifar10.py 8
_base_ = [
    '../_base_/transfer.py',
    '../_base_/datasets/cifar10_224.py',
    '../_base_/schedules/deit_bs768_sgd_1000e.py',
]

model = dict(
    backbone=dict(drop_path_rate=0.0),
    head=dict(num_classes={{_base_.num_classes}}))
