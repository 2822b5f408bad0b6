# The distilled DeiTs on ImageNet-V2, matched frequency: DeiT-B 73.2 top-1, at
# 384 pixels 74.8, DeiT-S 70.0, DeiT-Ti 62.9 (paper Table 5).
#
# Extract imagenetv2-matched-frequency.tar.gz of
# https://huggingface.co/datasets/vaishaal/ImageNetV2 in data/, then
#
#     python tools/test.py configs/evaluation/deit-base-distilled_v2.py \
#         CHECKPOINT
#
# with --cfg-options for the other models:
#     Ti   model.backbone.arch=deit-tiny model.head.in_channels=192
#     S    model.backbone.arch=deit-small model.head.in_channels=384
#     384  model.backbone.img_size=384
#          test_dataloader.dataset.pipeline.1.scale=438
#          test_dataloader.dataset.pipeline.2.crop_size=384
_base_ = '../deit/deit-base-distilled.py'

test_dataloader = dict(
    dataset=dict(
        _delete_=True,
        type='mmdeit.ImageNetV2',
        data_root='data/imagenetv2-matched-frequency-format-val',
        pipeline={{_base_.test_pipeline}}))
test_evaluator = dict(mean_softmax=True)
