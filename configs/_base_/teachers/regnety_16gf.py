# The paper's default teacher, RegNetY-16GF: 83.6 M parameters, 82.9 top-1.
teacher = dict(
    type='mmdeit.Teacher',
    model=dict(
        type='ImageClassifier',
        backbone=dict(type='mmdeit.RegNetY', arch='regnety_16gf'),
        neck=dict(type='GlobalAveragePooling'),
        head=dict(type='LinearClsHead', num_classes=1000, in_channels=3024),
        data_preprocessor=dict(
            type='mmdeit.ClsDataPreprocessor',
            mean=[123.675, 116.28, 103.53],
            std=[58.395, 57.12, 57.375],
            to_rgb=True)),
    # the official weights, downloaded once and checked by the hash in the name
    checkpoint=\
    'https://dl.fbaipublicfiles.com/deit/regnety_160-a5fe301d.pth',  # noqa
    expected_accuracy=82.9)
