# A DeiT for two CPU cores on CIFAR-10: 6 layers of width 96 on 16 patches of 8
# pixels, 100,000 views. What distillation does to it is the study
# ../studies/cifar10.py: docs/distillation.md.
#
#     python tools/dataset_converters/prepare_cifar10.py
#     python tools/train.py configs/cifar10/deit.py
_base_ = [
    '../_base_/models/deit.py',
    '../_base_/datasets/cifar10.py',
    '../_base_/schedules/demo_bs128_adamw_3e.py',
    '../_base_/default_runtime.py',
]

model = dict(
    backbone=dict(
        arch=dict(
            embed_dims=96,
            num_layers=6,
            num_heads=3,
            feedforward_channels=384),
        img_size=32,
        patch_size=8),
    head=dict(num_classes={{_base_.num_classes}}, in_channels=96),
    train_cfg=None)  # no Mixup or CutMix, as in the demo

train_dataloader = dict(num_workers=1)
val_dataloader = dict(num_workers=1)
test_dataloader = val_dataloader
train_cfg = dict(max_epochs=2, val_interval=2)
randomness = dict(seed=0)
