# A DeiT for two CPU cores, on 2,000 images of CIFAR-10: 6 layers of width 96 on
# 16 patches of 8 pixels, 115,200 views. It is compared with deit-usual-hard.py
# and deit-distilled.py, the methods of the paper's Table 3:
# docs/distillation.md.
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
    head=dict(num_classes={{_base_.num_classes}}, in_channels=96))

train_dataloader = dict(
    batch_size=128, num_workers=1, dataset=dict(indices=2000))
val_dataloader = dict(num_workers=1)
test_dataloader = val_dataloader
train_cfg = dict(max_epochs=60, val_interval=5)
default_hooks = dict(
    checkpoint=dict(interval=10, max_keep_ckpts=1), logger=dict(interval=15))
randomness = dict(seed=0)
