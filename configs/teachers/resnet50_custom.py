# A convnet teacher for your own classes, trained from scratch: ResNet-50 on
# data/custom (layout: ../_base_/datasets/custom_224.py). 100 epochs on 8 GPUs
# of 32 images, for tens of thousands of images or more; with fewer, use
# regnety-16gf_custom.py.
#
#     bash tools/dist_train.sh configs/teachers/resnet50_custom.py 8
_base_ = [
    '../_base_/datasets/custom_224.py',
    '../_base_/schedules/convnet_bs256_sgd_cosine.py',
    '../_base_/default_runtime.py',
]

model = dict(
    type='ImageClassifier',
    backbone=dict(type='ResNet', depth=50, out_indices=(3, )),
    neck=dict(type='GlobalAveragePooling'),
    head=dict(
        type='LinearClsHead',
        num_classes={{_base_.num_classes}},
        in_channels=2048,
        loss=dict(
            type='LabelSmoothLoss', label_smooth_val=0.1, mode='original')))

train_dataloader = dict(
    batch_size=32,
    sampler=dict(_delete_=True, type='DefaultSampler', shuffle=True))
optim_wrapper = dict(optimizer=dict(lr=0.1))
train_cfg = dict(
    type='mmdeit.EpochBasedTrainLoop', max_epochs=100, val_interval=5)
