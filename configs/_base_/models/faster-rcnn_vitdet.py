# Faster R-CNN on a plain backbone: ViTDet's Mask R-CNN without its masks.
_base_ = './mask-rcnn_vitdet.py'

model = dict(
    type='FasterRCNN',
    data_preprocessor=dict(pad_mask=False),
    roi_head=dict(mask_roi_extractor=None, mask_head=None))
