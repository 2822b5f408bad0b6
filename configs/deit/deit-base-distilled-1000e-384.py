# DeiT-B, distilled for 1000 epochs, fine-tuned at 384 pixels with its teacher:
# 85.2 top-1 on ImageNet-1k (paper Table 5), the paper's best. 30 epochs on
# 8 GPUs of 64 images, from the checkpoint of deit-base-distilled-1000e.py.
#
#     bash tools/dist_train.sh configs/deit/deit-base-distilled-1000e-384.py 8
_base_ = './deit-base-distilled-384.py'

load_from = 'work_dirs/deit-base-distilled-1000e/epoch_1000.pth'
