# A linear classifier on the patch tokens of the distilled DeiT-Ti on ADE20K:
# not trained here yet. 160,000 iterations on 8 GPUs of 2 images, from the
# checkpoint of configs/deit/deit-tiny-distilled.py.
#
#     bash tools/dist_train.sh \
#         configs/mmseg/linear_deit-tiny-distilled_ade20k-512.py 8
_base_ = './linear_deit-base-distilled_ade20k-512.py'

model = dict(
    backbone=dict(
        arch='deit-tiny',
        init_cfg=dict(
            checkpoint='work_dirs/deit-tiny-distilled/epoch_300.pth')),
    decode_head=dict(in_channels=192, channels=192))
