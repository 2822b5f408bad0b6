# The distilled DeiTs on ImageNet-ReaL: 88.3 of DeiT-B, 89.0 at 384 pixels,
# 86.8 of DeiT-S and 82.1 of DeiT-Ti (paper Table 5, real/top1). The usual
# labels are in the same pass: 83.4, 84.5, 81.2 and 74.5 (accuracy/top1).
#
# Put real.json of https://github.com/google-research/reassessed-imagenet in
# data/imagenet/, then
#
#     python tools/test.py configs/evaluation/deit-base-distilled_real.py \
#         CHECKPOINT
#
# with the --cfg-options of deit-base-distilled_v2.py for the other models.
_base_ = '../deit/deit-base-distilled.py'

test_evaluator = [
    dict(type='mmdeit.HeadsAccuracy', topk=(1, 5), mean_softmax=True),
    dict(
        type='mmdeit.ReaLAccuracy',
        label_file='data/imagenet/real.json',
        topk=(1, 5),
        mean_softmax=True),
]
