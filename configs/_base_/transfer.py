# What the transfers share: the distilled DeiT-B of ImageNet-1k, at 224 pixels.
# Its two heads, for 1000 classes, are dropped as it is loaded, with a warning
# that names them, and start anew. docs/transfer.md, "Run one", says how to
# start from the authors' checkpoint instead.
_base_ = './default_runtime.py'

load_from = 'work_dirs/deit-base-distilled/epoch_300.pth'

model = dict(
    type='ImageClassifier',
    backbone=dict(
        type='mmdeit.DistilledVisionTransformer',
        arch='deit-base',
        img_size=224,
        patch_size=16),
    neck=None,
    head=dict(
        type='mmdeit.DeiTClsHead',
        in_channels=768,
        # both heads learn the labels; with a teacher: mode='hard'
        loss=dict(type='mmdeit.DistillationLoss', mode='none', alpha=0.5)),
    # one of the two, with even chances, for each batch
    train_cfg=dict(augments=[
        dict(type='Mixup', alpha=0.8),
        dict(type='CutMix', alpha=1.0),
    ]))

default_hooks = dict(checkpoint=dict(interval=10))
