# DeiT-B with usual soft distillation, fine-tuned at 384 pixels with its
# teacher: 83.2 top-1 on ImageNet-1k (paper Table 3). 30 epochs on 8 GPUs of 64
# images, from the checkpoint of deit-base-usual-soft.py.
#
#     bash tools/dist_train.sh configs/deit/deit-base-usual-soft-384.py 8
_base_ = './deit-base-usual-hard-384.py'

load_from = 'work_dirs/deit-base-usual-soft/epoch_300.pth'

model = dict(
    distillation=dict(mode='soft', alpha=0.1, tau=3.0, reduction='numel'))
