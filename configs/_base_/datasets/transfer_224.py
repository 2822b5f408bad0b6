# Transfer to a data set of image files: ImageNet's augmentation without random
# erasing, and ImageNet's normalisation (dino#81). The config that inherits from
# this one sets the data set.
data_preprocessor = dict(
    type='mmdeit.ClsDataPreprocessor',
    # RGB
    mean=[123.675, 116.28, 103.53],
    std=[58.395, 57.12, 57.375],
    to_rgb=True,
    # Mixup and CutMix: images that share a lambda, an eighth of a step's
    group_size=96)

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
    batch_size=96,  # per GPU and pass; 768 per step, repeats counted
    num_workers=10,
    drop_last=True,
    dataset=dict(pipeline=train_pipeline),
    sampler=dict(
        type='mmdeit.RepeatAugSampler', num_repeats=3, shuffle=True, seed=0))

val_dataloader = dict(
    batch_size=192,
    num_workers=10,
    dataset=dict(pipeline=test_pipeline),
    sampler=dict(type='DefaultSampler', shuffle=False))
val_evaluator = dict(type='mmdeit.HeadsAccuracy', topk=(1, 5))

test_dataloader = val_dataloader
test_evaluator = val_evaluator
