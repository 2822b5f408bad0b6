# UPerNet (arXiv 1807.10221) with the distilled DeiT-B on ADE20K: not trained
# here yet. Network and schedule are those of mmseg's
# vit_deit-b16-ln_mln_upernet_8xb2-160k_ade20k-512x512.py, which reports 45.37
# mIoU with the undistilled DeiT-B.
#
# 160,000 iterations on 8 GPUs of 2 images, from the checkpoint of
# configs/deit/deit-base-distilled.py.
#
#     bash tools/dist_train.sh \
#         configs/mmseg/upernet_deit-base-distilled_ade20k-512.py 8
_base_ = [
    '../_base_/datasets/ade20k_512.py',
    '../_base_/schedules/mmseg_bs16_adamw_160k.py',
    '../_base_/mmseg_runtime.py',
]

model = dict(
    type='EncoderDecoder',
    data_preprocessor={{_base_.data_preprocessor}},
    backbone=dict(
        type='mmdeit.DistilledVisionTransformer',
        arch='deit-base',
        img_size=512,
        patch_size=16,
        out_indices=(2, 5, 8, 11),
        out_type='featmap',
        drop_path_rate=0.1,
        init_cfg=dict(
            type='Pretrained',
            checkpoint='work_dirs/deit-base-distilled/epoch_300.pth',
            prefix='backbone.')),
    # from stride 16 to 4, 8, 16 and 32
    neck=dict(
        type='MultiLevelNeck',
        in_channels=[768, 768, 768, 768],
        out_channels=768,
        scales=[4, 2, 1, 0.5]),
    decode_head=dict(
        type='UPerHead',
        in_channels=[768, 768, 768, 768],
        in_index=[0, 1, 2, 3],
        pool_scales=(1, 2, 3, 6),
        channels=512,
        dropout_ratio=0.1,
        num_classes=150,
        norm_cfg=dict(type='SyncBN', requires_grad=True),
        align_corners=False,
        loss_decode=dict(type='CrossEntropyLoss', loss_weight=1.0)),
    auxiliary_head=dict(
        type='FCNHead',
        in_channels=768,
        in_index=3,
        channels=256,
        num_convs=1,
        concat_input=False,
        dropout_ratio=0.1,
        num_classes=150,
        norm_cfg=dict(type='SyncBN', requires_grad=True),
        align_corners=False,
        loss_decode=dict(type='CrossEntropyLoss', loss_weight=0.4)),
    train_cfg=dict(),
    test_cfg=dict(mode='whole'))
