# Faster R-CNN with the distilled DeiT-Ti on COCO, as ViTDet (arXiv 2203.16527).
#
# Not trained here yet. The paper starts at ViT-B, whose settings these are.
#
# 50 epochs on 8 GPUs of 8 images, from the checkpoint of
# deit-tiny-distilled.py. To save memory: with_cp=True in the backbone.
#
#     bash tools/dist_train.sh \
#         configs/mmdet/faster-rcnn_deit-tiny-distilled_coco-1024.py 8
_base_ = './faster-rcnn_deit-base-distilled_coco-1024.py'

model = dict(
    backbone=dict(
        arch='deit-tiny',
        init_cfg=dict(
            checkpoint='work_dirs/deit-tiny-distilled/epoch_300.pth')),
    neck=dict(in_channels=192))
