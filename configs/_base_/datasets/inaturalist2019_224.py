# iNaturalist 2019, 268,243 images in all, of 1,010 species; tested on val.
# Layout: data/inaturalist2019/{train2019.json,val2019.json,train_val2019/}.
_base_ = './transfer_224.py'

num_classes = 1010
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
        data_root='data/inaturalist2019',
        ann_file='train2019.json',
        pipeline=train_pipeline))

val_dataloader = dict(
    dataset=dict(
        type='mmdeit.INaturalist',
        data_root='data/inaturalist2019',
        ann_file='val2019.json',
        test_mode=True))

test_dataloader = val_dataloader
