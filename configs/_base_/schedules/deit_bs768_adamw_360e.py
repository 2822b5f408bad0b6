# The transfer of deit#105: AdamW at a global batch of 768, 360 epochs. The rate
# is the one after the official scaling by the batch (deit#141).
optim_wrapper = dict(
    type='AmpOptimWrapper',
    dtype='bfloat16',
    loss_scale=dict(enabled=False),
    optimizer=dict(
        type='AdamW',
        lr=7.5e-5,
        weight_decay=0.05,
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

param_scheduler = dict(
    type='mmdeit.WarmupCosineLR',
    by_epoch=True,
    warmup=5,
    warmup_lr=1e-6,
    eta_min=1e-5,
    delay=1)

train_cfg = dict(by_epoch=True, max_epochs=360, val_interval=10)
val_cfg = dict()
test_cfg = dict()

auto_scale_lr = dict(base_batch_size=768)
