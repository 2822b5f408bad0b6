# DeiT's recipe over 180,000 views, for both students of the demo.
optim_wrapper = dict(
    type='OptimWrapper',
    optimizer=dict(type='AdamW', lr=2e-3, weight_decay=0.05),
    constructor='mmdeit.MergingOptimWrapperConstructor',
    paramwise_cfg=dict(
        norm_decay_mult=0.0,
        bias_decay_mult=0.0,
        flat_decay_mult=0.0,
        custom_keys={
            '.cls_token': dict(decay_mult=0.0),
            '.pos_embed': dict(decay_mult=0.0)
        }))

param_scheduler = [
    dict(type='LinearLR', start_factor=1e-3, by_epoch=False, end=100),
    dict(type='CosineAnnealingLR', by_epoch=False, begin=100, eta_min=1e-5)
]

train_cfg = dict(
    type='mmdeit.EpochBasedTrainLoop', max_epochs=3, val_interval=1)
val_cfg = dict()
test_cfg = dict()
