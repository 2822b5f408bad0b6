# COCO 2017 as in coco_1024.py, without the masks.
_base_ = './coco_1024.py'

load_boxes = dict(type='LoadAnnotations', with_bbox=True)

train_pipeline = [
    _base_.train_pipeline[0],
    load_boxes,
    *_base_.train_pipeline[2:4],
    dict(
        type='RandomCrop', crop_size=(1024, 1024), allow_negative_crop=True),
    *_base_.train_pipeline[5:],
]

test_pipeline = [
    *_base_.test_pipeline[:2],
    load_boxes,
    *_base_.test_pipeline[3:],
]

train_dataloader = dict(dataset=dict(pipeline=train_pipeline))

val_dataloader = dict(dataset=dict(pipeline=test_pipeline))
val_evaluator = dict(metric='bbox')

test_dataloader = val_dataloader
test_evaluator = val_evaluator
