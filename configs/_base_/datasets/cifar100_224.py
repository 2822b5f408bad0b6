# CIFAR-100 at 224 pixels, 50,000 + 10,000 images; downloaded on first use,
# unless the official cifar-100-python folder is in data/cifar100.
_base_ = './transfer_224.py'

num_classes = 100
data_preprocessor = dict(num_classes=num_classes)

# The images are already loaded, 32x32 and RGB; convert them to BGR, like images
# from files.
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
