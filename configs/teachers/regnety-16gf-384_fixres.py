# RegNetY-16GF adapted to 384 pixels as in FixRes (arXiv 1906.06423, Section
# 4.2): the classifier and the last batch norms are fine-tuned on images cropped
# as in testing, the rest is frozen. It is a teacher for
# ../deit/deit-base-distilled-384.py, with
# --cfg-options default_hooks.teacher.teacher.checkpoint=FILE.
#
# 10 epochs on 8 GPUs of 32 images; these and the learning rate are our choice,
# not tried on ImageNet.
#
#     bash tools/dist_train.sh configs/teachers/regnety-16gf-384_fixres.py 8
_base_ = [
    '../_base_/datasets/imagenet_deit_384.py',
    '../_base_/schedules/convnet_bs256_sgd_cosine.py',
    '../_base_/teachers/regnety_16gf.py',
    '../_base_/default_runtime.py',
]

load_from = _base_.teacher.checkpoint

# The last stage is one block, of which only the norms are trained.
model = _base_.teacher.model
model.backbone.frozen_stages = 3

# cropped as in testing, then flipped and packed as in training
train_pipeline = [
    *_base_.test_pipeline[:3],
    _base_.train_pipeline[2],
    _base_.train_pipeline[-1],
]
train_dataloader = dict(
    batch_size=32,
    dataset=dict(pipeline=train_pipeline),
    sampler=dict(_delete_=True, type='DefaultSampler', shuffle=True))

optim_wrapper = dict(
    optimizer=dict(lr=1e-3),
    paramwise_cfg=dict(
        custom_keys={
            f'backbone.layer4.0.{name}': dict(lr_mult=0, decay_mult=0)
            for name in ('conv', 'se', 'downsample.0')
        }))
train_cfg = dict(
    type='mmdeit.EpochBasedTrainLoop', max_epochs=10, val_interval=1)
