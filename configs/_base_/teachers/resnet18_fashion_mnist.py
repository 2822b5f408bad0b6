# A ResNet-18 for CIFAR at a quarter of its usual width: 0.7 M parameters.
# configs/demo/teacher.py trains it.
teacher = dict(
    type='mmdeit.Teacher',
    model=dict(
        type='ImageClassifier',
        backbone=dict(
            type='ResNet_CIFAR',
            depth=18,
            in_channels=1,
            stem_channels=16,
            base_channels=16,
            strides=(2, 2, 2, 2),
            out_indices=(3, )),
        neck=dict(type='GlobalAveragePooling'),
        head=dict(
            type='LinearClsHead',
            num_classes=10,
            in_channels=128,
            loss=dict(
                type='LabelSmoothLoss', label_smooth_val=0.1,
                mode='original'))),
    checkpoint='work_dirs/teacher/epoch_2.pth')
