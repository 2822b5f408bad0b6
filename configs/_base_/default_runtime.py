# Runtime settings of every recipe.
default_scope = 'mmpretrain'

default_hooks = dict(
    # mmengine's hook, without waiting for the GPU in each iteration
    runtime_info=dict(type='mmdeit.RuntimeInfoHook'),
    timer=dict(type='IterTimerHook'),
    logger=dict(type='LoggerHook', interval=100),
    param_scheduler=dict(type='ParamSchedulerHook'),
    # mmengine's hook, with files that load with weights_only=True on any torch
    checkpoint=dict(
        type='mmdeit.CheckpointHook', interval=1, max_keep_ckpts=3),
    sampler_seed=dict(type='DistSamplerSeedHook'),
    visualization=dict(type='VisualizationHook', enable=False))

env_cfg = dict(
    cudnn_benchmark=True,
    # products of fp32 matrices, such as the evaluation's; 'high' takes TF32
    float32_matmul_precision='highest',
    mp_cfg=dict(mp_start_method='fork', opencv_num_threads=0),
    dist_cfg=dict(backend='nccl'))

visualizer = dict(
    type='UniversalVisualizer', vis_backends=[dict(type='LocalVisBackend')])

log_level = 'INFO'
load_from = None
resume = False
# Images, mixing and dropped layers draw by seed, epoch and position
# (docs/reproducibility.md); what else draws does so apart in each process.
randomness = dict(seed=None, diff_rank_seed=True, deterministic=False)
