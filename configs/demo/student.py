# The twin of student-distilled.py: the same network without the distillation
# token, the same recipe, no teacher.
#
#     python tools/train.py configs/demo/student.py
_base_ = [
    '../_base_/models/deit.py',
    '../_base_/datasets/fashion_mnist.py',
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
        img_size=28,
        patch_size=7,
        in_channels=1),
    head=dict(num_classes={{_base_.num_classes}}, in_channels=96),
    train_cfg=None)  # no Mixup or CutMix: so short a training loses by them

randomness = dict(seed=0)
