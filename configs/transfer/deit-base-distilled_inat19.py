# Distilled DeiT-B on iNaturalist 2019, without a teacher: 78.4 top-1 in the
# paper (Table 7, which does not say if it kept the teacher). 360 epochs on 8
# GPUs of 96 images, from the checkpoint of deit-base-distilled.py.
#
# The recipe is the maintainers' for iNaturalist 2018 and 2019 (deit#105).
#
#     bash tools/dist_train.sh configs/transfer/deit-base-distilled_inat19.py 8
_base_ = [
    '../_base_/transfer.py',
    '../_base_/datasets/inaturalist2019_224.py',
    '../_base_/schedules/deit_bs768_adamw_360e.py',
]

model = dict(
    backbone=dict(drop_path_rate=0.1),
    head=dict(num_classes={{_base_.num_classes}}))
