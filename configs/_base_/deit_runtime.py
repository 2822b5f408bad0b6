# Runtime settings of DeiT on ImageNet: those of every recipe and the moving
# average.
_base_ = './default_runtime.py'

default_hooks = dict(
    # Kept beside the weights, as in the official code. The reported numbers are
    # those of the weights, so the weights are evaluated.
    ema=dict(
        type='mmdeit.EMAHook',
        momentum=1 - 0.99996,
        evaluate_on_ema=False,
        evaluate_on_origin=True))
