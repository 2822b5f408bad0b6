# A linear classifier on the patch tokens of the distilled DeiT-B on ADE20K: not
# trained here yet. It is the linear decoder of Segmenter (arXiv 2105.05633),
# with its windows of 512 pixels in testing; the schedule is that of our
# UPerNet, so that the two heads can be compared.
#
# 160,000 iterations on 8 GPUs of 2 images, from the checkpoint of
# configs/deit/deit-base-distilled.py.
#
#     bash tools/dist_train.sh \
#         configs/mmseg/linear_deit-base-distilled_ade20k-512.py 8
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
        out_indices=(11, ),
        out_type='featmap',
        drop_path_rate=0.1,
        init_cfg=dict(
            type='Pretrained',
            checkpoint='work_dirs/deit-base-distilled/epoch_300.pth',
            prefix='backbone.')),
    # no convolutions, only the classifier
    decode_head=dict(
        type='FCNHead',
        in_channels=768,
        in_index=0,
        channels=768,
        num_convs=0,
        concat_input=False,
        dropout_ratio=0.0,
        num_classes=150,
        align_corners=False,
        loss_decode=dict(type='CrossEntropyLoss', loss_weight=1.0)),
    train_cfg=dict(),
    test_cfg=dict(mode='slide', crop_size=(512, 512), stride=(480, 480)))
