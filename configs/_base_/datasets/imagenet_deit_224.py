# ImageNet-1k with DeiT's augmentation, paper Section 6 and Table 9.
# Layout: data/imagenet/{train,val}/<wnid>/*.JPEG, with mmpretrain's optional
# data/imagenet/meta/{train,val}.txt.
num_classes = 1000
data_preprocessor = dict(
    type='mmdeit.ClsDataPreprocessor',
    num_classes=num_classes,
    # RGB
    mean=[123.675, 116.28, 103.53],
    std=[58.395, 57.12, 57.375],
    to_rgb=True,
    # Mixup and CutMix: images that share a lambda, an eighth of a step's
    group_size=128)

# The pipeline sees BGR.
bgr_mean = data_preprocessor['mean'][::-1]

train_pipeline = [
    dict(type='mmdeit.LoadImageFromFile'),
    dict(
        type='mmdeit.RandomResizedCrop',
        scale=224,
        backend='torch',
        interpolation='bicubic'),
    dict(type='mmdeit.RandomFlip', prob=0.5, direction='horizontal'),
    # rand-m9-mstd0.5-inc1
    dict(
        type='mmdeit.RandAugment',
        policies='timm_increasing',
        num_policies=2,
        total_level=10,
        magnitude_level=9,
        magnitude_std=0.5,
        hparams=dict(
            pad_val=[round(x) for x in bgr_mean], interpolation='bicubic')),
    # noise per pixel, after the normalisation
    dict(
        type='mmdeit.RandomErasing',
        erase_prob=0.25,
        min_area_ratio=0.02,
        max_area_ratio=1 / 3),
    dict(type='mmdeit.PackInputs'),
]

test_pipeline = [
    dict(type='mmdeit.LoadImageFromFile'),
    # 256 = 224 / 0.875
    dict(
        type='mmdeit.ResizeEdge',
        scale=256,
        edge='short',
        backend='torch',
        interpolation='bicubic'),
    dict(type='CenterCrop', crop_size=224),
    dict(type='PackInputs'),
]

train_dataloader = dict(
    batch_size=128,  # per GPU and pass; 1024 per step, repeats counted
    num_workers=10,
    drop_last=True,
    dataset=dict(
        type='mmdeit.ImageNet',
        data_root='data/imagenet',
        split='train',
        pipeline=train_pipeline),
    # Repeated augmentation: each epoch has three views of a third of the
    # images, in the official order.
    sampler=dict(
        type='mmdeit.RepeatAugSampler', num_repeats=3, shuffle=True, seed=0))

val_dataloader = dict(
    batch_size=192,
    num_workers=10,
    dataset=dict(
        type='mmdeit.ImageNet',
        data_root='data/imagenet',
        split='val',
        pipeline=test_pipeline),
    sampler=dict(type='DefaultSampler', shuffle=False))
val_evaluator = dict(type='mmdeit.HeadsAccuracy', topk=(1, 5))

test_dataloader = val_dataloader
test_evaluator = val_evaluator
