# DeiT-S distilled without labels: on your own photographs in
# data/custom/unlabelled, in folders or not. Both heads learn from the teacher,
# that of deit-small-distilled_custom.py. The classes are the folders of
# data/custom/val: docs/custom.md.
#
#     bash tools/dist_train.sh configs/deit/deit-small-distilled_unlabelled.py 8
_base_ = './deit-small-distilled_custom.py'

model = dict(head=dict(loss=dict(alpha=1.0)))

train_dataloader = dict(
    dataset=dict(data_prefix='unlabelled', with_label=False))
