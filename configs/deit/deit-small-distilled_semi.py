# DeiT-S distilled on few labelled images, data/custom/train/CLASS, and many
# unlabelled ones, data/custom/unlabelled. The class head learns from the labels
# that there are, the distillation head from the teacher on all: docs/custom.md.
#
#     bash tools/dist_train.sh configs/deit/deit-small-distilled_semi.py 8
_base_ = './deit-small-distilled_custom.py'

labelled = _base_.train_dataloader.dataset

train_dataloader = dict(
    dataset=dict(
        _delete_=True,
        type='ConcatDataset',
        ignore_keys='classes',  # those of the first
        datasets=[
            labelled,
            dict(labelled, data_prefix='unlabelled', with_label=False)
        ]))
