# cifar10.py for one GPU: DeiT-Ti on patches of 4 pixels, 100 epochs at a batch
# of 512 in bfloat16, five seeds of the methods that have all labels. The
# teacher answers for the views of 10 epochs.
#
#     python tools/study.py configs/studies/cifar10_tiny.py --jobs 4
prepare = ['tools/dataset_converters/prepare_cifar10.py']
teacher = dict(
    config='configs/teachers/resnet18_cifar10.py',
    checkpoint='checkpoints/resnet18_cifar10.pth')
seeds = [0, 1, 2, 3, 4]

tiny = [
    'model.backbone.arch=deit-tiny',
    'model.backbone.patch_size=4',
    'model.backbone.drop_path_rate=0.1',
    'model.head.in_channels=192',
    'train_dataloader.batch_size=512',
    'train_dataloader.num_workers=4',
    'optim_wrapper.type=AmpOptimWrapper',
    'optim_wrapper.dtype=bfloat16',
    'optim_wrapper.optimizer.lr=1e-3',
    'train_cfg.max_epochs=100',
    'train_cfg.val_interval=100',
    'param_scheduler.0.end=500',
    'param_scheduler.1.begin=500',
]
cached = [
    *tiny,
    'default_hooks.teacher.cache.folder={work_dir}/cache/seed{seed}',
    'default_hooks.teacher.cache.top_k=None',
    'train_cfg.recycle=10',
]
baseline = 'labels'
methods = {
    'labels':
    dict(config='configs/cifar10/deit.py', options=tiny),
    'labels and teacher, hard':
    dict(config='configs/cifar10/deit-usual-hard.py', options=cached),
    'labels and teacher, hard, token':
    dict(config='configs/cifar10/deit-distilled.py', options=cached),
    'teacher alone, soft':
    dict(config='configs/cifar10/deit-usual-soft.py', options=cached),
    'teacher alone, soft, token':
    dict(config='configs/cifar10/deit-distilled-soft.py', options=cached),
}
