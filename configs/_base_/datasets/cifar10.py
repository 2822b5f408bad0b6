# CIFAR-10, 50,000 + 10,000 images of 32x32, and the checkpoint of its teacher:
#     python tools/dataset_converters/prepare_cifar10.py
# The images are RGB and scaled to [0, 1], as the teacher expects.
num_classes = 10
data_preprocessor = dict(
    type='mmdeit.ClsDataPreprocessor',
    num_classes=num_classes,
    mean=[0.] * 3,
    std=[255.] * 3)

train_dataloader = dict(
    batch_size=128,
    num_workers=8,
    drop_last=True,
    dataset=dict(
        type='BaseDataset',
        data_root='data/cifar10',
        ann_file='train.pkl',
        data_prefix=dict(),  # the images are in the annotation file
        pipeline=[
            dict(type='RandomCrop', crop_size=32, padding=4),
            dict(type='RandomFlip', prob=0.5, direction='horizontal'),
            dict(type='mmdeit.PackInputs'),
        ]),
    sampler=dict(type='DefaultSampler', shuffle=True))

val_dataloader = dict(
    batch_size=500,
    num_workers=4,
    dataset=dict(
        type='BaseDataset',
        data_root='data/cifar10',
        ann_file='test.pkl',
        data_prefix=dict(),
        test_mode=True,
        pipeline=[dict(type='PackInputs')]),
    sampler=dict(type='DefaultSampler', shuffle=False))
val_evaluator = dict(type='mmdeit.HeadsAccuracy', topk=(1, 5))

test_dataloader = val_dataloader
test_evaluator = val_evaluator
