# The paper's teacher, RegNetY-16GF, fine-tuned on your own classes in
# data/custom (layout: ../_base_/datasets/custom_224.py). 30 epochs on 8 GPUs of
# 32 images, from the official weights without their classifier for 1000
# classes.
#
#     bash tools/dist_train.sh configs/teachers/regnety-16gf_custom.py 8
#
# Its student is ../deit/deit-small-distilled_custom.py.
_base_ = [
    '../_base_/datasets/custom_224.py',
    '../_base_/schedules/convnet_bs256_sgd_cosine.py',
    '../_base_/teachers/regnety_16gf.py',
    '../_base_/default_runtime.py',
]

load_from = _base_.teacher.checkpoint

model = _base_.teacher.model
model.head.num_classes = _base_.num_classes
model.head.loss = dict(
    type='LabelSmoothLoss', label_smooth_val=0.1, mode='original')

train_dataloader = dict(
    batch_size=32,
    sampler=dict(_delete_=True, type='DefaultSampler', shuffle=True))
optim_wrapper = dict(optimizer=dict(lr=0.01))
train_cfg = dict(
    type='mmdeit.EpochBasedTrainLoop', max_epochs=30, val_interval=5)
