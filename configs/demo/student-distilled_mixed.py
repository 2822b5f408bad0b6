# student-distilled.py with the paper's Mixup and CutMix.
#
#     python tools/train.py configs/demo/student-distilled_mixed.py
_base_ = './student-distilled.py'

model = dict(
    train_cfg=dict(_delete_=True, augments=[
        dict(type='Mixup', alpha=0.8),
        dict(type='CutMix', alpha=1.0),
    ]))
