# DeiT-B, distilled from DeiT-B instead of a convnet: 81.9 top-1 on ImageNet-1k
# (paper Table 2). 300 epochs on 8 GPUs of 128 images, after deit-base.py.
#
#     bash tools/dist_train.sh configs/deit/deit-base-distilled_by-deit.py 8
_base_ = './deit-base-distilled.py'

default_hooks = dict(
    teacher=dict(
        teacher=dict(
            _delete_=True,
            type='mmdeit.Teacher',
            model='configs/deit/deit-base.py',
            checkpoint='work_dirs/deit-base/epoch_300.pth',
            expected_accuracy=81.8)))
