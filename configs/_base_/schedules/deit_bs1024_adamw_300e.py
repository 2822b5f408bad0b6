# DeiT's pre-training schedule, paper Table 9: AdamW at a global batch of 1024,
# no gradient clipping, cosine over 300 epochs after 5 of warm-up.
optim_wrapper = dict(
    type='AmpOptimWrapper',
    # bf16 has the range of fp32, so no loss scaling. (In 2021: fp16.)
    dtype='bfloat16',
    loss_scale=dict(enabled=False),
    optimizer=dict(
        type='AdamW',
        lr=5e-4 * 1024 / 512,
        weight_decay=0.05,
        eps=1e-8,
        betas=(0.9, 0.999)),
    # two groups of parameters, not 155
    constructor='mmdeit.MergingOptimWrapperConstructor',
    # No decay for biases and other 1-D parameters, the class token and the
    # position embedding. Like the official code, this decays the distillation
    # token; to exclude it, as current timm does, add
    # '.dist_token': dict(decay_mult=0.0).
    paramwise_cfg=dict(
        norm_decay_mult=0.0,
        bias_decay_mult=0.0,
        flat_decay_mult=0.0,
        custom_keys={
            '.cls_token': dict(decay_mult=0.0),
            '.pos_embed': dict(decay_mult=0.0)
        }))

# As in the official loop: updated once per epoch, one epoch late. For what was
# intended, in every iteration: convert_to_iter_based=True, delay=0.
param_scheduler = dict(
    type='mmdeit.WarmupCosineLR',
    by_epoch=True,
    warmup=5,
    warmup_lr=1e-6,
    eta_min=1e-5,
    delay=1)

train_cfg = dict(
    type='mmdeit.EpochBasedTrainLoop', max_epochs=300, val_interval=1)
val_cfg = dict()
test_cfg = dict()

# the images of a step, on any number of GPUs
auto_scale_lr = dict(base_batch_size=1024)
