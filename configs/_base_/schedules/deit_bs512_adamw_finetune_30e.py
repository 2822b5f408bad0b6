# DeiT's fine-tuning at another resolution: a constant learning rate of 5e-6 at
# a global batch of 512, hardly any weight decay, 30 epochs (25 in the paper).
_base_ = './deit_bs1024_adamw_300e.py'

optim_wrapper = dict(optimizer=dict(lr=5e-6, weight_decay=1e-8))

# The official command leaves the warm-up on; after it the cosine is flat.
param_scheduler = dict(eta_min=5e-6)

train_cfg = dict(max_epochs=30)

auto_scale_lr = dict(base_batch_size=512)
