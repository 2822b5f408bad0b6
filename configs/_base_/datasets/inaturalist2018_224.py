# iNaturalist 2018, 437,513 + 24,426 images of 8,142 species; tested on val.
# Layout: data/inaturalist2018/{train2018.json,val2018.json,train_val2018/}.
_base_ = './transfer_224.py'

num_classes = 8142
data_preprocessor = dict(num_classes=num_classes)

train_pipeline = [
    *_base_.train_pipeline[:-1],
    # noise per pixel, after the normalisation; less often than for ImageNet
    # (deit#105)
    dict(
        type='mmdeit.RandomErasing',
        erase_prob=0.1,
        min_area_ratio=0.02,
        max_area_ratio=1 / 3),
    dict(type='mmdeit.PackInputs'),
]

train_dataloader = dict(
    dataset=dict(
        type='mmdeit.INaturalist',
        data_root='data/inaturalist2018',
        ann_file='train2018.json',
        pipeline=train_pipeline))

val_dataloader = dict(
    dataset=dict(
        type='mmdeit.INaturalist',
        data_root='data/inaturalist2018',
        ann_file='val2018.json',
        test_mode=True))

test_dataloader = val_dataloader
