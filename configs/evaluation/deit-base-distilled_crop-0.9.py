# The distilled DeiTs on ImageNet-1k with a centre crop of 0.9 instead of the
# official 0.875 (DeiT-B 83.4 top-1, DeiT-S 81.2, DeiT-Ti 74.5: paper Table 5).
#
#     python tools/test.py configs/evaluation/deit-base-distilled_crop-0.9.py \
#         CHECKPOINT
#
# with the --cfg-options of deit-base-distilled_v2.py for Ti and S.
_base_ = '../deit/deit-base-distilled.py'

test_pipeline = _base_.test_pipeline
test_pipeline[1].scale = 248  # 224 / 0.9, rounded down
test_dataloader = dict(dataset=dict(pipeline=test_pipeline))
test_evaluator = dict(mean_softmax=True)
