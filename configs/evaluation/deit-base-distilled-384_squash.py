# The distilled DeiT-B at 384 pixels on whole images, squashed to a square as in
# mmpretrain, instead of the official crop of 0.875 (84.5 top-1, paper Table 5).
#
#     python tools/test.py \
#         configs/evaluation/deit-base-distilled-384_squash.py CHECKPOINT
_base_ = '../deit/deit-base-distilled-384.py'

test_pipeline = [
    _base_.test_pipeline[0],
    dict(
        type='Resize',
        scale=(384, 384),
        backend='pillow',
        interpolation='bicubic'),
    _base_.test_pipeline[-1],
]
test_dataloader = dict(dataset=dict(pipeline=test_pipeline))
test_evaluator = dict(mean_softmax=True)
