# The transfer of deit#45: SGD at a global batch of 768, 1000 epochs. Momentum
# and warm-up are the official code's defaults.
optim_wrapper = dict(
    type='AmpOptimWrapper',
    dtype='bfloat16',
    loss_scale=dict(enabled=False),
    optimizer=dict(
        type='SGD',
        lr=0.01,
        momentum=0.9,
        nesterov=True,
        weight_decay=1e-4),
    paramwise_cfg=dict(
        norm_decay_mult=0.0,
        bias_decay_mult=0.0,
        flat_decay_mult=0.0,
        custom_keys={
            '.cls_token': dict(decay_mult=0.0),
            '.pos_embed': dict(decay_mult=0.0)
        }))

param_scheduler = dict(
    type='mmdeit.WarmupCosineLR',
    by_epoch=True,
    warmup=5,
    warmup_lr=1e-6,
    eta_min=1e-5,
    delay=1)

train_cfg = dict(by_epoch=True, max_epochs=1000, val_interval=50)
val_cfg = dict()
test_cfg = dict()

auto_scale_lr = dict(base_batch_size=768)
