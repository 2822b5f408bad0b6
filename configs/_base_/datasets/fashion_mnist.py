# Fashion-MNIST, 60,000 + 10,000 grey images of 28x28 (arXiv 1708.07747):
#     python tools/dataset_converters/prepare_fashion_mnist.py
# The last 10,000 training images are for validation, so that the test images
# choose nothing.
num_classes = 10
data_preprocessor = dict(
    type='mmdeit.ClsDataPreprocessor',
    num_classes=num_classes,
    mean=[72.94],
    std=[90.02])

train_dataloader = dict(
    batch_size=128,
    num_workers=2,
    drop_last=True,
    dataset=dict(
        type='FashionMNIST',
        data_root='data/fashion-mnist',
        split='train',
        indices=50000,
        download=False,
        pipeline=[
            dict(type='RandomCrop', crop_size=28, padding=2),
            dict(type='RandomFlip', prob=0.5, direction='horizontal'),
            dict(type='mmdeit.PackInputs'),
        ]),
    sampler=dict(type='DefaultSampler', shuffle=True))

val_dataloader = dict(
    batch_size=500,
    num_workers=2,
    dataset=dict(
        type='FashionMNIST',
        data_root='data/fashion-mnist',
        split='train',
        indices=-10000,
        # mmpretrain reads the test images where test_mode says so, whatever
        # the split
        test_mode=False,
        download=False,
        pipeline=[dict(type='PackInputs')]),
    sampler=dict(type='DefaultSampler', shuffle=False))
val_evaluator = dict(type='mmdeit.HeadsAccuracy', topk=(1, 5))

test_dataloader = dict(
    batch_size=500,
    num_workers=2,
    dataset=dict(
        type='FashionMNIST',
        data_root='data/fashion-mnist',
        split='test',
        test_mode=True,
        download=False,
        pipeline=[dict(type='PackInputs')]),
    sampler=dict(type='DefaultSampler', shuffle=False))
test_evaluator = val_evaluator
