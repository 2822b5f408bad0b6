# CIFAR-100 at 224 pixels, 50,000 + 10,000 images; fetched on first use, or put
# the official cifar-100-python folder into data/cifar100.
_base_ = './transfer_224.py'

num_classes = 100
data_preprocessor = dict(num_classes=num_classes)

# They come loaded, 32x32 and RGB; from here on BGR, like images from files.
to_bgr = dict(type='PILToNumpy', to_bgr=True)

train_dataloader = dict(
    dataset=dict(
        type='CIFAR100',
        data_root='data/cifar100',
        split='train',
        pipeline=[to_bgr, *_base_.train_pipeline[1:]]))

val_dataloader = dict(
    dataset=dict(
        type='CIFAR100',
        data_root='data/cifar100',
        split='test',
        test_mode=True,
        pipeline=[to_bgr, *_base_.test_pipeline[1:]]))

test_dataloader = val_dataloader
