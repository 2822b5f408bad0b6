# DeiT's fine-tuning at another resolution: a constant rate of 5e-6 at a global
# batch of 512, hardly any weight decay, 30 epochs (the paper says 25).
optim_wrapper = dict(
    type='AmpOptimWrapper',
    dtype='bfloat16',
    loss_scale=dict(enabled=False),
    optimizer=dict(
        type='AdamW',
        lr=5e-6,
        weight_decay=1e-8,
        eps=1e-8,
        betas=(0.9, 0.999)),
    paramwise_cfg=dict(
        norm_decay_mult=0.0,
        bias_decay_mult=0.0,
        flat_decay_mult=0.0,
        custom_keys={
            '.cls_token': dict(decay_mult=0.0),
            '.pos_embed': dict(decay_mult=0.0)
        }))

# The official command leaves the warm-up on; from there the cosine is flat.
param_scheduler = dict(
    type='mmdeit.WarmupCosineLR',
    by_epoch=True,
    warmup=5,
    warmup_lr=1e-6,
    eta_min=5e-6,
    delay=1)

train_cfg = dict(by_epoch=True, max_epochs=30, val_interval=1)
val_cfg = dict()
test_cfg = dict()

auto_scale_lr = dict(base_batch_size=512)
