# The teacher of the demo, a small convnet on Fashion-MNIST: 88% top-1 in a few
# minutes on two CPU cores.
#
#     python tools/train.py configs/demo/teacher.py
_base_ = [
    '../_base_/datasets/fashion_mnist.py',
    '../_base_/teachers/resnet18_fashion_mnist.py',
    '../_base_/default_runtime.py',
]

model = {{_base_.teacher.model}}

optim_wrapper = dict(
    type='OptimWrapper',
    optimizer=dict(
        type='SGD', lr=0.1, momentum=0.9, weight_decay=5e-4, nesterov=True))

param_scheduler = [
    dict(type='LinearLR', start_factor=0.1, by_epoch=False, end=100),
    dict(type='CosineAnnealingLR', by_epoch=False, begin=100, eta_min=1e-4)
]

train_cfg = dict(
    type='mmdeit.EpochBasedTrainLoop', max_epochs=2, val_interval=1)
val_cfg = dict()
test_cfg = dict()

randomness = dict(seed=0)
