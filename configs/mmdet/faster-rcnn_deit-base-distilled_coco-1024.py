# Faster R-CNN with the distilled DeiT-B on COCO, as ViTDet (arXiv 2203.16527).
#
# Not trained here yet. The paper has no Faster R-CNN.
#
# 50 epochs on 8 GPUs of 8 images, from the checkpoint of
# deit-base-distilled.py. To save memory: with_cp=True in the backbone.
#
#     bash tools/dist_train.sh \
#         configs/mmdet/faster-rcnn_deit-base-distilled_coco-1024.py 8
_base_ = [
    '../_base_/models/faster-rcnn_vitdet.py',
    '../_base_/datasets/coco_1024_boxes.py',
    '../_base_/schedules/vitdet_bs64_adamw_50e.py',
    '../_base_/mmdet_runtime.py',
]

model = dict(
    backbone=dict(
        arch='deit-base',
        init_cfg=dict(
            type='Pretrained',
            checkpoint='work_dirs/deit-base-distilled/epoch_300.pth',
            prefix='backbone.')),
    neck=dict(in_channels=768))
