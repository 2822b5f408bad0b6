# ADE20K, 20,210 + 2,000 images of 150 classes, as mmseg prepares it.
# Layout: data/ade/ADEChallengeData2016/{images,annotations}/
# {training,validation}/*.{jpg,png}; label 0 is ignored.
data_preprocessor = dict(
    type='SegDataPreProcessor',
    size=(512, 512),  # in training; smaller images are padded
    # RGB
    mean=[123.675, 116.28, 103.53],
    std=[58.395, 57.12, 57.375],
    bgr_to_rgb=True,
    pad_val=0,
    seg_pad_val=255)

train_pipeline = [
    dict(type='mmdeit.LoadImageFromFile', color_type='color'),
    dict(type='LoadAnnotations', reduce_zero_label=True),
    dict(
        type='RandomResize',
        scale=(2048, 512),
        ratio_range=(0.5, 2.0),
        keep_ratio=True),
    dict(type='RandomCrop', crop_size=(512, 512), cat_max_ratio=0.75),
    dict(type='RandomFlip', prob=0.5),
    dict(type='PhotoMetricDistortion'),
    dict(type='PackSegInputs'),
]

test_pipeline = [
    dict(type='mmdeit.LoadImageFromFile', color_type='color'),
    dict(type='Resize', scale=(2048, 512), keep_ratio=True),
    # after Resize: predictions are evaluated at the annotation's size
    dict(type='LoadAnnotations', reduce_zero_label=True),
    dict(type='PackSegInputs'),
]

train_dataloader = dict(
    batch_size=2,  # per GPU and pass; 16 per step
    num_workers=4,
    persistent_workers=True,
    dataset=dict(
        type='ADE20KDataset',
        data_root='data/ade/ADEChallengeData2016',
        data_prefix=dict(
            img_path='images/training', seg_map_path='annotations/training'),
        pipeline=train_pipeline),
    sampler=dict(type='InfiniteSampler', shuffle=True))

val_dataloader = dict(
    batch_size=1,  # sizes differ
    num_workers=4,
    persistent_workers=True,
    dataset=dict(
        type='ADE20KDataset',
        data_root='data/ade/ADEChallengeData2016',
        data_prefix=dict(
            img_path='images/validation',
            seg_map_path='annotations/validation'),
        pipeline=test_pipeline),
    sampler=dict(type='DefaultSampler', shuffle=False))
val_evaluator = dict(type='IoUMetric', iou_metrics=['mIoU'])

test_dataloader = val_dataloader
test_evaluator = val_evaluator
