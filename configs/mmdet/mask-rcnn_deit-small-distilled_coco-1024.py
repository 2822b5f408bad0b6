# Mask R-CNN with the distilled DeiT-S on COCO, as ViTDet (arXiv 2203.16527).
#
# Not trained here yet. The paper starts at ViT-B, whose settings these are.
#
# 50 epochs on 8 GPUs of 8 images, from the checkpoint of
# deit-small-distilled.py. To save memory: with_cp=True in the backbone.
#
#     bash tools/dist_train.sh \
#         configs/mmdet/mask-rcnn_deit-small-distilled_coco-1024.py 8
_base_ = './mask-rcnn_deit-base-distilled_coco-1024.py'

model = dict(
    backbone=dict(
        arch='deit-small',
        init_cfg=dict(
            checkpoint='work_dirs/deit-small-distilled/epoch_300.pth')),
    neck=dict(in_channels=384))
