# DeiT-B, distilled from DeiT-B, fine-tuned at 384 pixels with its teacher: 83.1
# top-1 on ImageNet-1k (paper Table 2). 30 epochs on 8 GPUs of 64 images, from
# the checkpoint of deit-base-distilled_by-deit.py.
#
#     bash tools/dist_train.sh configs/deit/deit-base-distilled_by-deit-384.py 8
_base_ = './deit-base-distilled-384.py'

load_from = 'work_dirs/deit-base-distilled_by-deit/epoch_300.pth'

default_hooks = dict(
    teacher=dict(
        # sees the student's 384 pixels resized to its own 224
        teacher=dict(
            _delete_=True,
            type='mmdeit.Teacher',
            model='configs/deit/deit-base.py',
            checkpoint='work_dirs/deit-base/epoch_300.pth',
            input_size=224,
            expected_accuracy=81.8)))
