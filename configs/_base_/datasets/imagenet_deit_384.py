# ImageNet-1k at 384 pixels, for fine-tuning: DeiT's full augmentation.
_base_ = './imagenet_deit_224.py'

data_preprocessor = dict(group_size=64)

train_pipeline = [
    *_base_.train_pipeline[:1],
    dict(
        type='mmdeit.RandomResizedCrop',
        scale=384,
        backend='torch',
        interpolation='bicubic'),
    *_base_.train_pipeline[2:],
]

test_pipeline = [
    dict(type='mmdeit.LoadImageFromFile'),
    # 438 = 384 / 0.875, rounded down
    dict(
        type='mmdeit.ResizeEdge',
        scale=438,
        edge='short',
        backend='torch',
        interpolation='bicubic'),
    dict(type='CenterCrop', crop_size=384),
    dict(type='PackInputs'),
]

train_dataloader = dict(
    batch_size=64,  # per GPU and pass; 512 per step, repeats counted
    dataset=dict(pipeline=train_pipeline))

val_dataloader = dict(batch_size=64, dataset=dict(pipeline=test_pipeline))

test_dataloader = val_dataloader
