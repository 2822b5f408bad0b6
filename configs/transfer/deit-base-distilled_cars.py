# Distilled DeiT-B on Stanford Cars, without a teacher: 92.9 top-1 in the paper
# (Table 7, which does not say if it kept the teacher). 1000 epochs on 8 GPUs of
# 96 images, from the checkpoint of deit-base-distilled.py.
#
# The recipe is the maintainers' (deit#45).
#
#     bash tools/dist_train.sh configs/transfer/deit-base-distilled_cars.py 8
_base_ = [
    '../_base_/transfer.py',
    '../_base_/datasets/stanford_cars_224.py',
    '../_base_/schedules/deit_bs768_sgd_1000e.py',
]

model = dict(
    backbone=dict(drop_path_rate=0.0),
    head=dict(num_classes={{_base_.num_classes}}))
