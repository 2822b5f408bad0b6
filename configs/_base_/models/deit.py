# DeiT without distillation: one token and one head, initialised with small
# random numbers (mmpretrain uses zeros). Each config sets sizes and classes.
model = dict(
    type='ImageClassifier',
    backbone=dict(type='mmdeit.VisionTransformer'),
    neck=None,
    head=dict(
        type='VisionTransformerClsHead',
        init_cfg=dict(type='TruncNormal', layer='Linear', std=.02),
        loss=dict(
            type='LabelSmoothLoss', label_smooth_val=0.1, mode='original')),
    # one of the two, with even chances, for each group of images
    train_cfg=dict(augments=[
        dict(type='Mixup', alpha=0.8),
        dict(type='CutMix', alpha=1.0),
    ]))
