# DeiT-Ti, distilled from an EfficientNet-Lite0 instead of RegNetY-16GF: a
# teacher with a fortieth of the FLOPs and its own normalisation. No published
# number; not trained here yet. 300 epochs on 8 GPUs of 128 images.
#
#     python tools/dataset_converters/prepare_efficientnet_lite.py
#     bash tools/dist_train.sh \
#         configs/deit/deit-tiny-distilled_by-efficientnet.py 8
_base_ = './deit-tiny-distilled.py'

default_hooks = dict(
    teacher=dict(
        # 4.7 M parameters, 75.1 top-1 according to its authors
        teacher=dict(
            _delete_=True,
            type='mmdeit.Teacher',
            model=dict(
                type='mmdeit.TimmClassifier',
                model_name='tf_efficientnet_lite0',
                pretrained=False),
            checkpoint='checkpoints/efficientnet_lite0.pth',
            data_preprocessor=dict(mean=[127.] * 3, std=[128.] * 3),
            input_size=224,
            expected_accuracy=75.1)))
