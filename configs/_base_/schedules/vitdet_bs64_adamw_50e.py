# ViTDet's schedule for a ViT-B with supervised weights (arXiv 2203.16527, Table
# 11): AdamW at a global batch of 64 for 50 epochs. With MAE weights: 1e-4 and
# 100 epochs.
optim_wrapper = dict(
    type='AmpOptimWrapper',
    # mmcv's RoIAlign does not support bf16.
    dtype='float16',
    optimizer=dict(
        type='AdamW', lr=8e-5, weight_decay=0.1, betas=(0.9, 0.999)),
    # The paper's for a ViT-B with MAE weights, worth up to 0.3 AP; it saw no
    # gain with supervised weights (A.2). All three sizes have 12 layers.
    constructor='mmdeit.LayerDecayOptimWrapperConstructor',
    paramwise_cfg=dict(
        layer_decay_rate=0.7,
        norm_decay_mult=0.0,
        custom_keys={
            '.cls_token': dict(decay_mult=0.0),
            '.dist_token': dict(decay_mult=0.0),
            '.pos_embed': dict(decay_mult=0.0)
        }))

# The official steps, at 8/9 and 26/27 of training, in whole epochs.
param_scheduler = [
    dict(type='LinearLR', start_factor=1e-3, by_epoch=False, end=250),
    dict(type='MultiStepLR', milestones=[44, 48], gamma=0.1)
]

train_cfg = dict(
    type='mmdeit.EpochBasedTrainLoop', max_epochs=50, val_interval=5)
val_cfg = dict()
test_cfg = dict()

auto_scale_lr = dict(base_batch_size=64)
