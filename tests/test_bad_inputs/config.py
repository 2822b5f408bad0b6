# A small student, its teacher and three classes of images, as a user's own
# config would have them.
default_scope = 'mmpretrain'

num_classes = None
data_preprocessor = dict(
    type='mmdeit.ClsDataPreprocessor',
    num_classes=num_classes,
    mean=[128., 128., 128.],
    std=[64., 64., 64.],
    to_rgb=True,
    group_size=4)

model = dict(
    type='ImageClassifier',
    backbone=dict(
        type='mmdeit.DistilledVisionTransformer',
        arch=dict(
            embed_dims=8, num_layers=1, num_heads=2, feedforward_channels=16),
        img_size=8,
        patch_size=4),
    head=dict(
        type='mmdeit.DeiTClsHead',
        num_classes=3,
        in_channels=8,
        loss=dict(type='mmdeit.DistillationLoss', mode='hard')),
    train_cfg=dict(augments=[dict(type='Mixup', alpha=0.8)]))

train_pipeline = [
    dict(type='mmdeit.LoadImageFromFile'),
    dict(type='RandomFlip', prob=0.5),
    dict(type='mmdeit.PackInputs'),
]
test_pipeline = [
    dict(type='mmdeit.LoadImageFromFile'),
    dict(type='PackInputs'),
]

train_dataloader = dict(
    batch_size=4,
    num_workers=0,
    dataset=dict(
        type='mmdeit.CustomDataset',
        data_root='data',
        data_prefix='train',
        pipeline=train_pipeline),
    sampler=dict(type='DefaultSampler', shuffle=True))
val_dataloader = dict(
    batch_size=4,
    num_workers=0,
    dataset=dict(
        type='mmdeit.CustomDataset',
        data_root='data',
        data_prefix='val',
        pipeline=test_pipeline,
        test_mode=True),
    sampler=dict(type='DefaultSampler', shuffle=False))
test_dataloader = dict(
    batch_size=4,
    num_workers=0,
    dataset=dict(
        type='mmdeit.CustomDataset',
        data_root='data',
        data_prefix='test',
        pipeline=test_pipeline,
        test_mode=True),
    sampler=dict(type='DefaultSampler', shuffle=False))
val_evaluator = dict(type='mmdeit.HeadsAccuracy', topk=(1, ))
test_evaluator = val_evaluator

optim_wrapper = dict(optimizer=dict(type='AdamW', lr=1e-3))
param_scheduler = [dict(type='CosineAnnealingLR', by_epoch=True)]
train_cfg = dict(
    type='mmdeit.EpochBasedTrainLoop', max_epochs=2, val_interval=1)
val_cfg = dict()
test_cfg = dict()

default_hooks = dict(
    runtime_info=dict(type='mmdeit.RuntimeInfoHook'),
    logger=dict(type='LoggerHook', interval=1),
    checkpoint=dict(
        type='mmdeit.CheckpointHook', interval=1, max_keep_ckpts=3),
    teacher=dict(
        type='mmdeit.TeacherHook',
        teacher=dict(
            type='mmdeit.Teacher',
            model=dict(
                type='ImageClassifier',
                backbone=dict(
                    type='ResNet_CIFAR',
                    depth=18,
                    stem_channels=4,
                    base_channels=4,
                    out_indices=(3, )),
                neck=dict(type='GlobalAveragePooling'),
                head=dict(
                    type='LinearClsHead', num_classes=3, in_channels=32)),
            checkpoint='teacher.pth'),
        preflight=0))

load_from = None
resume = False
randomness = dict(seed=0)
