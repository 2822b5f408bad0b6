# Your own images at 224 pixels, one folder per class:
#     data/custom/{train,val}/CLASS/IMAGE.jpg
# Classes are numbered in alphabetical order. See docs/custom.md.
_base_ = './transfer_224.py'

# None counts the folders in data/custom/train. To set it:
# --cfg-options num_classes=37
num_classes = None

data_preprocessor = dict(num_classes=num_classes)

train_dataloader = dict(
    dataset=dict(
        type='mmdeit.CustomDataset',
        data_root='data/custom',
        data_prefix='train',
        with_label=True))

val_dataloader = dict(
    dataset=dict(
        type='mmdeit.CustomDataset',
        data_root='data/custom',
        data_prefix='val',
        with_label=True,
        test_mode=True))

test_dataloader = val_dataloader
