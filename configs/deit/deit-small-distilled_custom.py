# DeiT-S distilled on your own classes in data/custom (layout:
# ../_base_/datasets/custom_224.py) from the convnet fine-tuned by
# ../teachers/regnety-16gf_custom.py. 100 epochs on 8 GPUs of 96 images, from
# the checkpoint of deit-small-distilled.py or, with --cfg-options
# load_from=FILE, from the authors': docs/custom.md.
#
#     bash tools/dist_train.sh configs/deit/deit-small-distilled_custom.py 8
_base_ = [
    '../_base_/transfer.py',
    '../_base_/datasets/custom_224.py',
    '../_base_/schedules/deit_bs768_adamw_360e.py',
    '../_base_/teachers/regnety_16gf.py',
]

load_from = 'work_dirs/deit-small-distilled/epoch_300.pth'

model = dict(
    backbone=dict(arch='deit-small', drop_path_rate=0.1),
    head=dict(
        num_classes={{_base_.num_classes}},
        in_channels=384,
        loss=dict(mode='hard')))

teacher = _base_.teacher
teacher.model.head.num_classes = _base_.num_classes
teacher.checkpoint = 'work_dirs/regnety-16gf_custom/epoch_30.pth'
teacher.expected_accuracy = None  # its top-1 on data/custom/val
default_hooks = dict(teacher=dict(type='mmdeit.TeacherHook', teacher=teacher))

train_cfg = dict(max_epochs=100, val_interval=10)
