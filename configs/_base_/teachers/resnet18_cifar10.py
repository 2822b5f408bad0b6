# A published ResNet-18 for CIFAR-10: 11.2 M parameters, 94.22 top-1. It expects
# RGB in [0, 1].
teacher = dict(
    type='mmdeit.Teacher',
    model=dict(
        type='ImageClassifier',
        backbone=dict(type='ResNet_CIFAR', depth=18, out_indices=(3, )),
        neck=dict(type='GlobalAveragePooling'),
        head=dict(type='LinearClsHead', num_classes=10, in_channels=512),
        data_preprocessor=dict(mean=[0.] * 3, std=[255.] * 3)),
    checkpoint='checkpoints/resnet18_cifar10.pth',
    expected_accuracy=94.22)
