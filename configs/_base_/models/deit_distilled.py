# DeiT distilled through a token (arXiv 2012.12877, Section 4): two tokens, two
# heads, hard labels from the teacher. Each config sets sizes and classes.
model = dict(
    type='ImageClassifier',
    backbone=dict(type='mmdeit.DistilledVisionTransformer'),
    neck=None,
    head=dict(
        type='mmdeit.DeiTClsHead',
        loss=dict(
            type='mmdeit.DistillationLoss',
            mode='hard',
            alpha=0.5,
            base_loss=dict(
                type='LabelSmoothLoss', label_smooth_val=0.1,
                mode='original'))),
    # one of the two, with even chances, for each group of images
    train_cfg=dict(augments=[
        dict(type='Mixup', alpha=0.8),
        dict(type='CutMix', alpha=1.0),
    ]))
