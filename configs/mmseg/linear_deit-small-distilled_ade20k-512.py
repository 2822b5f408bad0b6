# A linear classifier on the patch tokens of the distilled DeiT-S on ADE20K:
# not trained here yet. 160,000 iterations on 8 GPUs of 2 images, from the
# checkpoint of configs/deit/deit-small-distilled.py.
#
#     bash tools/dist_train.sh \
#         configs/mmseg/linear_deit-small-distilled_ade20k-512.py 8
_base_ = './linear_deit-base-distilled_ade20k-512.py'

model = dict(
    backbone=dict(
        arch='deit-small',
        init_cfg=dict(
            checkpoint='work_dirs/deit-small-distilled/epoch_300.pth')),
    decode_head=dict(in_channels=384, channels=384))
