# UPerNet with the distilled DeiT-Ti on ADE20K: not trained here yet. mmseg has
# no config with DeiT-Ti.
#
# 160,000 iterations on 8 GPUs of 2 images, from the checkpoint of
# configs/deit/deit-tiny-distilled.py.
#
#     bash tools/dist_train.sh \
#         configs/mmseg/upernet_deit-tiny-distilled_ade20k-512.py 8
_base_ = './upernet_deit-base-distilled_ade20k-512.py'

model = dict(
    backbone=dict(
        arch='deit-tiny',
        init_cfg=dict(
            checkpoint='work_dirs/deit-tiny-distilled/epoch_300.pth')),
    neck=dict(in_channels=[192, 192, 192, 192], out_channels=192),
    decode_head=dict(in_channels=[192, 192, 192, 192]),
    auxiliary_head=dict(in_channels=192))
