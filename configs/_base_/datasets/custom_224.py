# Your own images at 224 pixels, in a folder for each class:
#     data/custom/{train,val}/CLASS/IMAGE.jpg
# Classes are numbered in the order of their names. Say here how many folders
# there are: --cfg-options comes too late for it. See docs/custom.md.
num_classes = 6

_base_ = './transfer_224.py'

data_preprocessor = dict(num_classes=num_classes)

train_dataloader = dict(
    dataset=dict(
        type='CustomDataset',
        data_root='data/custom',
        data_prefix='train',
        with_label=True))

val_dataloader = dict(
    dataset=dict(
        type='CustomDataset',
        data_root='data/custom',
        data_prefix='val',
        with_label=True,
        test_mode=True))

test_dataloader = val_dataloader
