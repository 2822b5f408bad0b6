# ResNet-50 with usual soft distillation: one classifier learns from the labels
# and the teacher's distribution. A plain convnet recipe without a published
# number; not trained here yet. 100 epochs on 8 GPUs of 32 images.
#
#     bash tools/dist_train.sh configs/students/resnet50-usual-soft.py 8
#
# Without a teacher:
#     --cfg-options model.distillation.mode=none default_hooks.teacher=None
_base_ = [
    '../_base_/datasets/imagenet_deit_224.py',
    '../_base_/schedules/convnet_bs256_sgd_cosine.py',
    '../_base_/teachers/regnety_16gf.py',
    '../_base_/default_runtime.py',
]

model = dict(
    type='mmdeit.DistilledClassifier',
    backbone=dict(type='ResNet', depth=50, out_indices=(3, )),
    neck=dict(type='GlobalAveragePooling'),
    head=dict(
        type='LinearClsHead',
        num_classes={{_base_.num_classes}},
        in_channels=2048,
        loss=dict(type='CrossEntropyLoss')),
    distillation=dict(
        mode='soft',
        alpha=0.5,
        tau=1.0,
        # divides by the batch, so that the divergence and the cross entropy
        # are on the same scale
        reduction='batchmean'))

# crops and flips, each image once per epoch
train_dataloader = dict(
    batch_size=32,  # per GPU and pass; 256 per step
    dataset=dict(
        pipeline=[*_base_.train_pipeline[:3], _base_.train_pipeline[-1]]),
    sampler=dict(_delete_=True, type='DefaultSampler', shuffle=True))

optim_wrapper = dict(optimizer=dict(lr=0.1))

train_cfg = dict(
    type='mmdeit.EpochBasedTrainLoop', max_epochs=100, val_interval=1)

default_hooks = dict(
    teacher=dict(type='mmdeit.TeacherHook', teacher={{_base_.teacher}}))
