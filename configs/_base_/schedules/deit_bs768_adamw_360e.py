# The transfer recipe of deit#105: AdamW at a global batch of 768, 360 epochs.
# The learning rate is the one after the official scaling by the batch
# (deit#141).
_base_ = './deit_bs1024_adamw_300e.py'

optim_wrapper = dict(optimizer=dict(lr=7.5e-5))

train_cfg = dict(max_epochs=360, val_interval=10)

auto_scale_lr = dict(base_batch_size=768)
