# The usual recipe for a convnet: SGD with momentum, 5 epochs of warm-up and a
# cosine, at a global batch of 256. Each config sets the learning rate and the
# epochs, more than 5.
optim_wrapper = dict(
    type='AmpOptimWrapper',
    dtype='bfloat16',
    optimizer=dict(
        type='SGD', momentum=0.9, nesterov=True, weight_decay=1e-4))

param_scheduler = [
    dict(
        type='LinearLR',
        start_factor=1e-2,
        end=5,
        convert_to_iter_based=True),
    dict(type='CosineAnnealingLR', begin=5, convert_to_iter_based=True)
]

val_cfg = dict()
test_cfg = dict()

auto_scale_lr = dict(base_batch_size=256)
