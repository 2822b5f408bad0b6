# The transfer recipe of deit#45: SGD at a global batch of 768, 1000 epochs.
# Momentum and warm-up are the official code's defaults.
_base_ = './deit_bs1024_adamw_300e.py'

optim_wrapper = dict(
    optimizer=dict(
        _delete_=True,
        type='SGD',
        lr=0.01,
        momentum=0.9,
        nesterov=True,
        weight_decay=1e-4))

train_cfg = dict(max_epochs=1000, val_interval=50)

auto_scale_lr = dict(base_batch_size=768)
