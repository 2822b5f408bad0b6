# UPerNet with the distilled DeiT-S on ADE20K: not trained here yet. mmseg's
# vit_deit-s16-ln_mln_upernet_8xb2-160k_ade20k-512x512.py reports 43.52 mIoU
# with the undistilled DeiT-S.
#
# 160,000 iterations on 8 GPUs of 2 images, from the checkpoint of
# configs/deit/deit-small-distilled.py.
#
#     bash tools/dist_train.sh \
#         configs/mmseg/upernet_deit-small-distilled_ade20k-512.py 8
_base_ = './upernet_deit-base-distilled_ade20k-512.py'

model = dict(
    backbone=dict(
        arch='deit-small',
        init_cfg=dict(
            checkpoint='work_dirs/deit-small-distilled/epoch_300.pth')),
    neck=dict(in_channels=[384, 384, 384, 384], out_channels=384),
    decode_head=dict(in_channels=[384, 384, 384, 384]),
    auxiliary_head=dict(in_channels=384))
