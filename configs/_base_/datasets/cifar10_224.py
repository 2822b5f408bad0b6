# CIFAR-10 at 224 pixels, 50,000 + 10,000 images:
#     python tools/dataset_converters/prepare_cifar10.py
_base_ = './transfer_224.py'

num_classes = 10
data_preprocessor = dict(num_classes=num_classes)

# The images are already loaded, 32x32 and RGB; convert them to BGR, like images
# from files.
to_bgr = dict(type='PILToNumpy', to_bgr=True)

train_dataloader = dict(
    dataset=dict(
        type='BaseDataset',
        data_root='data/cifar10',
        ann_file='train.pkl',
        data_prefix=dict(),  # the images are in the annotation file
        pipeline=[to_bgr, *_base_.train_pipeline[1:]]))

val_dataloader = dict(
    dataset=dict(
        type='BaseDataset',
        data_root='data/cifar10',
        ann_file='test.pkl',
        data_prefix=dict(),  # the images are in the annotation file
        test_mode=True,
        pipeline=[to_bgr, *_base_.test_pipeline[1:]]))

test_dataloader = val_dataloader
