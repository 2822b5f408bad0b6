# Oxford Flowers-102, 2,040 (train and val) + 6,149 images.
# Layout: data/flowers102/{imagelabels.mat,setid.mat,jpg/image_*.jpg}.
_base_ = './transfer_224.py'

num_classes = 102
data_preprocessor = dict(num_classes=num_classes)

train_dataloader = dict(
    dataset=dict(
        type='Flowers102', data_root='data/flowers102', split='trainval'))

val_dataloader = dict(
    dataset=dict(type='Flowers102', data_root='data/flowers102', split='test'))

test_dataloader = val_dataloader
