# CIFAR-10: what a small DeiT gains from its teacher's labels, hard or soft,
# through a token or not, where all images have labels and where 1,000 have.
# The losses are the demo's: nothing was chosen on this data set. The ten runs
# of a seed take 14 minutes on two CPU cores.
#
#     python tools/study.py configs/studies/cifar10.py
prepare = ['tools/dataset_converters/prepare_cifar10.py']
teacher = dict(
    config='configs/teachers/resnet18_cifar10.py',
    checkpoint='checkpoints/resnet18_cifar10.pth')
seeds = [0, 1, 2]

# The teacher answers once for each seed, for the views of the first epoch,
# which recur. Without a teacher each epoch has views of its own.
cache = 'default_hooks.teacher.cache.folder={work_dir}/cache'
recycle = ['default_hooks.teacher.cache.top_k=None', 'train_cfg.recycle=1']
full = [cache + '/50000-labels_seed{seed}', *recycle]
few = [cache + '/1000-labels_seed{seed}', *recycle]

baseline = '50,000 labels'
methods = {
    '50,000 labels':
    dict(config='configs/cifar10/deit.py'),
    '50,000 labels and teacher, hard':
    dict(config='configs/cifar10/deit-usual-hard.py', options=full),
    '50,000 labels and teacher, hard, token':
    dict(config='configs/cifar10/deit-distilled.py', options=full),
    'teacher alone, soft':
    dict(config='configs/cifar10/deit-usual-soft.py', options=full),
    'teacher alone, soft, token':
    dict(config='configs/cifar10/deit-distilled-soft.py', options=full),
    '1,000 labels':
    dict(config='configs/cifar10/deit_1000-labels.py', baseline=None),
    '1,000 labels and teacher, hard':
    dict(
        config='configs/cifar10/deit-usual-hard_1000-labels.py',
        options=few,
        baseline='1,000 labels'),
    '1,000 labels and teacher, hard, token':
    dict(
        config='configs/cifar10/deit-distilled_1000-labels.py',
        options=few,
        baseline='1,000 labels'),
    '1,000 labels and teacher, soft':
    dict(
        config='configs/cifar10/deit-usual-soft_1000-labels.py',
        options=few,
        baseline='1,000 labels'),
    '1,000 labels and teacher, soft, token':
    dict(
        config='configs/cifar10/deit-distilled-soft_1000-labels.py',
        options=few,
        baseline='1,000 labels'),
}
