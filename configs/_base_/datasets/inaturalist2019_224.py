# iNaturalist 2019, 268,243 images in all, of 1,010 species; tested on val.
# Layout: data/inaturalist2019/{train2019.json,val2019.json,train_val2019/}.
_base_ = './inaturalist2018_224.py'

num_classes = 1010
data_preprocessor = dict(num_classes=num_classes)

train_dataloader = dict(
    dataset=dict(data_root='data/inaturalist2019', ann_file='train2019.json'))

val_dataloader = dict(
    dataset=dict(data_root='data/inaturalist2019', ann_file='val2019.json'))

test_dataloader = val_dataloader
