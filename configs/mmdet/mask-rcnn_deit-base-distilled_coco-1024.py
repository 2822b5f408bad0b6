# Mask R-CNN with the distilled DeiT-B on COCO, as ViTDet (arXiv 2203.16527).
#
# Not trained here yet. With supervised ImageNet-1k weights the paper's ViT-B,
# undistilled, has 47.6 box AP and 42.4 mask AP (Table 4).
#
# 50 epochs on 8 GPUs of 8 images, from the checkpoint of
# deit-base-distilled.py. To save memory: with_cp=True in the backbone.
#
#     bash tools/dist_train.sh \
#         configs/mmdet/mask-rcnn_deit-base-distilled_coco-1024.py 8
_base_ = [
    '../_base_/models/mask-rcnn_vitdet.py',
    '../_base_/datasets/coco_1024.py',
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
