# The distilled DeiTs on ImageNet-ReaL: DeiT-B 88.3, at 384 pixels 89.0, DeiT-S
# 86.8, DeiT-Ti 82.1 (paper Table 5, real/top1). The same pass evaluates the
# original labels: 83.4, 84.5, 81.2 and 74.5 (accuracy/top1).
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
