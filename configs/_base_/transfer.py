# Shared by all transfer configs: DeiT-B, distilled on ImageNet-1k, at 224
# pixels. The checkpoint's two heads for 1000 classes are left out, with a
# warning that names them, and reinitialised. docs/transfer.md, "Run one", says
# how to start from the authors' checkpoint instead.
_base_ = ['./models/deit_distilled.py', './default_runtime.py']

load_from = 'work_dirs/deit-base-distilled/epoch_300.pth'

model = dict(
    backbone=dict(arch='deit-base', img_size=224, patch_size=16),
    # both heads learn from the labels; with a teacher: mode='hard'
    head=dict(in_channels=768, loss=dict(mode='none')))

default_hooks = dict(checkpoint=dict(interval=10))
