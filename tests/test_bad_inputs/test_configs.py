"""Configs and --cfg-options that cannot mean what they say."""

import pytest

from .world import Case, run

OPTION = 'train --cfg-options '


def replace(old: str, new: str):
    """Replace a text in the config."""
    return lambda world: world.replace(old, new)


CASES = [
    # names in a config
    Case(
        'load_form',
        'train',
        'config.py sets load_form, which nothing reads: did you mean '
        'load_from?',
        lambda w: w.configure("load_form = 'a'"),
    ),
    Case(
        'optim_wraper',
        'train',
        'config.py sets optim_wraper, which nothing reads: did you mean '
        'optim_wrapper?',
        replace('optim_wrapper =', 'optim_wraper ='),
    ),
    Case(
        'default_hook',
        'train',
        'config.py sets default_hook, which nothing reads: did you mean '
        'default_hooks?',
        lambda w: w.configure('default_hook = dict()'),
    ),
    Case(
        'train_dataloder',
        'train',
        'config.py sets train_dataloder, which nothing reads: did you mean '
        'train_dataloader?',
        replace('train_dataloader =', 'train_dataloder ='),
    ),
    Case(
        'val_evalutor',
        'train',
        "config.py: name 'val_evaluator' is not defined (--traceback shows "
        'where)',
        replace('val_evaluator = dict', 'val_evalutor = dict'),
    ),
    Case(
        'no model',
        'train',
        'config.py sets modl, which nothing reads: did you mean model?',
        replace('model = dict(', 'modl = dict('),
    ),
    Case(
        'no optimizer',
        'train',
        'the config has train_dataloader and train_cfg, but no optim_wrapper',
        replace('optim_wrapper =', 'x_y ='),
    ),
    Case(
        'no test data',
        'test',
        'the config has test_cfg and test_evaluator, but no test_dataloader',
        replace('test_dataloader =', 'x_y ='),
    ),
    Case(
        'no training data',
        'train',
        'num_classes is None and train_dataloader has no folders of classes '
        'to count: set num_classes or its data_root',
        replace('train_dataloader =', 'x_y ='),
    ),
    Case(
        'a part is misspelled',
        'train',
        "there is no optimizer of the type 'AdamV': did you mean 'Adam'?",
        replace("type='AdamW'", "type='AdamV'"),
    ),
    Case(
        'a model is misspelled',
        'train',
        "there is no model of the type 'mmdeit.DistiledVisionTransformer': "
        'did you mean',
        replace(
            'mmdeit.DistilledVisionTransformer',
            'mmdeit.DistiledVisionTransformer',
        ),
    ),
    Case(
        'an argument is misspelled',
        'train',
        'VisionTransformer.__init__() got an unexpected keyword argument '
        "'patchsize' (--traceback shows where)",
        replace('patch_size=4', 'patchsize=4'),
    ),
    Case(
        'a hook that is not there',
        'train',
        "there is no hook of the type 'NoSuchHook': correct the name, or "
        'import its module by custom_imports',
        lambda w: w.configure("custom_hooks = [dict(type='NoSuchHook')]"),
    ),
    Case(
        'a metric that is not there',
        'train',
        "there is no metric of the type 'mmdeit.HeadAccuracy': did you mean "
        "'mmdeit.HeadsAccuracy'?",
        replace('mmdeit.HeadsAccuracy', 'mmdeit.HeadAccuracy'),
    ),
    Case(
        'a transform that is not there',
        'train',
        "there is no transform of the type 'RandomFlop': did you mean "
        "'RandomFlip'?",
        replace(
            "dict(type='RandomFlip', prob=0.5)",
            "dict(type='RandomFlop', prob=0.5)",
        ),
    ),
    Case(
        'syntax',
        'train',
        "config.py, line 105: '(' was never closed",
        lambda w: w.configure('a = dict('),
    ),
    Case(
        'an undefined name',
        'train',
        "config.py: name 'b' is not defined (--traceback shows where)",
        lambda w: w.configure('a = b'),
    ),
    Case(
        'a missing import',
        'train',
        'config.py: custom_imports: Failed to import no_such_module',
        lambda w: w.configure(
            "custom_imports = dict(imports=['no_such_module'])"
        ),
    ),
    Case(
        'a base that is not there',
        'train',
        'config.py: ',
        lambda w: w.configure("_base_ = 'none.py'"),
    ),
    Case(
        'a base that is the file itself',
        'train',
        'config.py: its _base_ leads back to itself',
        lambda w: w.configure("_base_ = 'config.py'"),
    ),
    Case(
        'empty',
        'train',
        'config.py has no model: give a whole config',
        lambda w: w.write('config.py', ''),
    ),
    # options
    Case(
        'option load_form',
        OPTION + 'load_form=a.pth',
        '--cfg-options load_form: there is no load_form: did you mean '
        'load_from?',
    ),
    Case(
        'option train_dataloder',
        OPTION + 'train_dataloder.batch_size=4',
        '--cfg-options train_dataloder.batch_size: there is no '
        'train_dataloder: did you mean train_dataloader?',
    ),
    Case(
        'option batch_sise',
        OPTION + 'train_dataloader.batch_sise=4',
        '--cfg-options train_dataloader.batch_sise: there is no batch_sise: '
        'did you mean batch_size?',
    ),
    Case(
        'option max_epochs',
        OPTION + 'max_epochs=3',
        '--cfg-options max_epochs: nothing reads max_epochs: did you mean '
        'train_cfg.max_epochs?',
    ),
    Case(
        'option teachr',
        OPTION + 'default_hooks.teachr.preflight=3',
        '--cfg-options default_hooks.teachr.preflight: there is no teachr: '
        'did you mean teacher?',
    ),
    Case(
        'option chekpoint',
        OPTION + 'default_hooks.teacher.teacher.chekpoint=a.pth',
        '--cfg-options default_hooks.teacher.teacher.chekpoint: there is no '
        'chekpoint: did you mean checkpoint?',
    ),
    Case(
        'option lerning rate',
        OPTION + 'optim_wrapper.optimiser.lr=1',
        '--cfg-options optim_wrapper.optimiser.lr: there is no optimiser: '
        'did you mean optimizer?',
    ),
    Case(
        'option without =',
        OPTION + 'batch_size',
        "--cfg-options takes KEY=VALUE, not 'batch_size'",
        code=2,
    ),
    Case(
        'option of a variable',
        OPTION + 'test_pipeline.0.type=LoadImageFromFile',
        '--cfg-options test_pipeline.0.type: test_pipeline is a variable, '
        'which the config has already used',
    ),
    Case(
        'option with a bracket too few',
        OPTION + 'model.backbone.out_indices=[1,(2]',
        '--cfg-options model.backbone.out_indices=[1,(2]: ',
        code=2,
    ),
    Case(
        'option into a number',
        OPTION + 'num_classes.x=3',
        '--cfg-options num_classes.x: num_classes is None, which has no parts',
    ),
    Case(
        'option beyond a list',
        OPTION + 'param_scheduler.5.end=2',
        '--cfg-options param_scheduler.5.end: param_scheduler is a list, '
        'with the numbers 0 to 0',
    ),
    Case(
        'option by name into a list',
        OPTION + 'param_scheduler.end=2',
        '--cfg-options param_scheduler.end: param_scheduler is a list, with '
        'the numbers 0 to 0',
    ),
    Case(
        'option num_classes as text',
        OPTION + 'num_classes=three',
        "num_classes is 'three': give a number",
    ),
    Case(
        'option num_classes 0',
        OPTION + 'num_classes=0',
        'num_classes is 0: give a number',
    ),
    Case(
        'option num_classes 1',
        OPTION + 'num_classes=1',
        'num_classes is 1, and a softmax over one class learns nothing: give '
        'images of at least two classes',
    ),
    Case(
        'option num_classes 7',
        OPTION + 'num_classes=7',
        'train_dataloader has 3 classes, the model 7: set num_classes=3',
    ),
    Case(
        'option of a part',
        OPTION + 'model.head.num_classes=7',
        'model.head.num_classes has moved: write num_classes instead',
    ),
    Case(
        'option of 0.1',
        OPTION + 'custom_hooks.0.teacher.checkpoint=a',
        'custom_hooks.0.teacher.checkpoint has moved: write '
        'default_hooks.teacher, .ema or .eval_mode instead',
    ),
    # numbers
    Case(
        'batch size 0',
        OPTION + 'train_dataloader.batch_size=0',
        'train_dataloader.batch_size is 0: give a number from 1',
    ),
    Case(
        'batch size as text',
        OPTION + 'train_dataloader.batch_size=big',
        "train_dataloader.batch_size is 'big': give a number from 1",
    ),
    Case(
        'batch larger than the data',
        OPTION
        + 'train_dataloader.batch_size=64 train_dataloader.drop_last=True',
        '9 images give no batch of 64: lower '
        'train_dataloader.batch_size',
    ),
    Case(
        'num_workers -1',
        OPTION + 'train_dataloader.num_workers=-1',
        'num_workers option should be non-negative; use num_workers=0 to '
        'disable multiprocessing.',
    ),
    Case(
        'max_epochs 0',
        OPTION + 'train_cfg.max_epochs=0',
        'train_cfg.max_epochs is 0: give a number from 1',
    ),
    Case(
        'max_epochs as text',
        OPTION + 'train_cfg.max_epochs=ten',
        "train_cfg.max_epochs is 'ten': give a number from 1",
    ),
    Case(
        'val_interval 0',
        OPTION + 'train_cfg.val_interval=0',
        'train_cfg.val_interval is 0: give a number from 1',
    ),
    Case(
        'val_interval as text',
        OPTION + 'train_cfg.val_interval=often',
        "train_cfg.val_interval is 'often': give a number from 1",
    ),
    Case(
        'train_cfg has another key',
        OPTION + 'train_cfg.max_epoch=3',
        '--cfg-options train_cfg.max_epoch: there is no max_epoch: did you '
        'mean max_epochs?',
    ),
    Case(
        'checkpoint interval 0',
        OPTION + 'default_hooks.checkpoint.interval=0',
        'default_hooks.checkpoint.interval is 0: give a number from 1',
    ),
    Case(
        'max_keep_ckpts 0',
        OPTION + 'default_hooks.checkpoint.max_keep_ckpts=0',
        'default_hooks.checkpoint.max_keep_ckpts is 0: give a number from 1',
    ),
    Case(
        'log interval 0',
        OPTION + 'default_hooks.logger.interval=0',
        'default_hooks.logger.interval is 0: give a number from 1',
    ),
    Case(
        'save_best of another metric',
        OPTION + 'default_hooks.checkpoint.save_best=accuracy/top7',
        "save_best='accuracy/top7' is no result of val_evaluator: did you "
        "mean 'accuracy/top1'?",
    ),
    Case(
        'save_best without a rule',
        OPTION + 'default_hooks.checkpoint.save_best=quality',
        'Cannot infer the rule for key quality, thus a specific rule must be '
        'specified.',
    ),
    Case(
        'save_best misspelled',
        OPTION + 'default_hooks.checkpoint.save_best=acuracy/top1',
        "save_best='acuracy/top1' is no result of val_evaluator: did you "
        "mean 'accuracy/top1'?",
    ),
    Case(
        'learning rate as text',
        OPTION + 'optim_wrapper.optimizer.lr=high',
        "optim_wrapper.optimizer.lr is 'high': give a number from 0",
    ),
    Case(
        'learning rate negative',
        OPTION + 'optim_wrapper.optimizer.lr=-1',
        'optim_wrapper.optimizer.lr is -1: give a number from 0',
    ),
    Case(
        'alpha',
        OPTION + 'model.head.loss.alpha=1.5',
        'DistillationLoss: alpha is 1.5, tau 1.0: choose from 0 to 1, and '
        'above 0 (paper: 3.0)',
    ),
    Case(
        'tau',
        OPTION + 'model.head.loss.tau=0',
        'DistillationLoss: alpha is 0.5, tau 0: choose from 0 to 1, and '
        'above 0 (paper: 3.0)',
    ),
    Case(
        'mode',
        OPTION + 'model.head.loss.mode=medium',
        "DistillationLoss: unknown mode 'medium': choose from ('none', "
        "'soft', 'hard')",
    ),
    Case(
        'a teacher that nobody asks',
        OPTION + 'model.head.loss.mode=none',
        'TeacherHook: DeiTClsHead asks for no teacher: set '
        "model.head.loss.mode='hard' of a DeiTClsHead, or",
    ),
    Case(
        'nobody to ask',
        OPTION + 'default_hooks.teacher=None',
        'the head distils, but no teacher was asked: add '
        "default_hooks.teacher=dict(type='mmdeit.TeacherHook', ...),",
    ),
    Case(
        'no teacher for the head',
        OPTION + 'default_hooks.teacher=None',
        'the head distils, but no teacher was asked: add '
        "default_hooks.teacher=dict(type='mmdeit.TeacherHook', ...), or set",
    ),
    Case(
        'img_size',
        OPTION + 'model.backbone.img_size=9',
        'img_size 9x9 is not a multiple of patch_size 4',
    ),
    Case(
        'in_channels',
        OPTION + 'model.backbone.in_channels=1',
        'the student fails on images of 3 channels and 8x8 pixels: set '
        'model.backbone.in_channels=3, or load images of',
    ),
    Case(
        'in_channels of the head',
        OPTION + 'model.head.in_channels=9',
        'the student fails on images of 3 channels and 8x8 pixels: set '
        'model.head.in_channels and',
    ),
    Case(
        'number of heads',
        OPTION + 'model.backbone.arch.num_heads=3',
        'the student fails on images of 3 channels and 8x8 pixels: set '
        'model.backbone.img_size, or the size that the',
    ),
    Case(
        'arch',
        OPTION + 'model.backbone.arch=deit-huge',
        'Arch deit-huge is not in default archs',
    ),
    Case(
        'mixup',
        OPTION + 'model.train_cfg.augments.0.alpha=-1',
        'AssertionError at `assert isinstance(alpha, float) and alpha > 0` '
        '(--traceback shows where)',
    ),
    Case(
        'preflight',
        OPTION + 'default_hooks.teacher.preflight=-3',
        'TeacherHook: preflight is -3: give a number of images, or 0 to '
        'trust the teacher',
    ),
    Case(
        'validation after the end',
        OPTION + 'train_cfg.val_begin=9',
        'train_cfg.val_begin is 9, after the end at 2',
    ),
    Case(
        'views',
        OPTION
        + 'train_dataloader.sampler.type=mmdeit.RepeatAugSampler '
        + 'train_dataloader.sampler.num_repeats=0',
        'num_repeats is 0: give a number of views from 1',
    ),
    Case(
        'stochastic depth',
        OPTION + 'model.backbone.drop_path_rate=1.5',
        'drop_path_rate is 1.5: give a probability below 1',
    ),
    Case(
        'group size',
        OPTION + 'data_preprocessor.group_size=0',
        'group_size is 0: give a number of images from 1',
    ),
    Case(
        'momentum of the average',
        OPTION
        + 'default_hooks.ema.type=mmdeit.EMAHook default_hooks.ema.momentum=2',
        'momentum must be in range (0.0, 1.0)but got 2 (--traceback shows '
        'where)',
    ),
    # what the batch is
    *(Case(
        f'base_batch_size {value}',
        'train',
        f'auto_scale_lr.base_batch_size is {value!r}: give a number from 1',
        lambda w, value=value: w.configure(
            f'auto_scale_lr = dict(base_batch_size={value!r})'),
    ) for value in (0, -8, 'all')),
    Case(
        'accumulative_counts 0',
        OPTION + 'optim_wrapper.accumulative_counts=0',
        'optim_wrapper.accumulative_counts is 0: give a number from 1',
    ),
    Case(
        'accumulative_counts of another batch',
        'train',
        '1 processes x 3 passes (accumulative_counts) x batch_size 4 are 12 '
        'images, and the learning rate is for 8: leave accumulative_counts '
        'out, to have it found, or set auto_scale_lr.base_batch_size=12',
        lambda w: w.configure(
            'auto_scale_lr = dict(base_batch_size=8)\n'
            "optim_wrapper['accumulative_counts'] = 3"),
    ),
    Case(
        'auto-scale-lr and accumulative_counts',
        'train --auto-scale-lr',
        'auto_scale_lr knows nothing of accumulative_counts: leave one of the '
        'two out',
        lambda w: w.configure(
            'auto_scale_lr = dict(base_batch_size=8)\n'
            "optim_wrapper['accumulative_counts'] = 2"),
    ),
    Case(
        'fewer images than the learning rate is for',
        'train',
        '9 images give no batch of 16: the learning rate is for so many: give '
        '--auto-scale-lr, and a train_dataloader.batch_size of at most 9',
        lambda w: w.configure('auto_scale_lr = dict(base_batch_size=16)'),
    ),
    Case(
        'fewer images than a batch, auto-scale-lr',
        'train --auto-scale-lr --cfg-options train_dataloader.batch_size=16 '
        'train_dataloader.drop_last=True',
        '9 images give no batch of 16: lower train_dataloader.batch_size',
        lambda w: w.configure('auto_scale_lr = dict(base_batch_size=16)'),
    ),
    Case(
        'a batch sampler',
        'train',
        'train_dataloader.batch_sampler puts views into an order of its own: '
        "leave it out, or take train_cfg.type='mmengine.EpochBasedTrainLoop'",
        lambda w: w.configure(
            "train_dataloader['batch_sampler'] = dict(type='BatchSampler', "
            'batch_size=4, drop_last=True)\n'
            "del train_dataloader['batch_size']"),
    ),
    Case(
        'a loop that is not there',
        OPTION + 'train_cfg.type=mmdeit.EpochBasedTrainloop',
        "there is no loop of the type 'mmdeit.EpochBasedTrainloop': did you "
        "mean 'mmdeit.EpochBasedTrainLoop'?",
    ),
    Case(
        'checkpoint interval 0 by iteration',
        OPTION + 'default_hooks.checkpoint.by_epoch=False '
        'default_hooks.checkpoint.interval=0',
        'default_hooks.checkpoint.interval is 0: give a number from 1',
    ),
    Case(
        'auto-scale-lr without a number',
        'train --auto-scale-lr',
        'config.py does not say which batch size its learning rate is for: '
        'add auto_scale_lr =',
        lambda w: w.configure('auto_scale_lr = dict()'),
    ),
    # command lines
    Case(
        'no config',
        'train',
        'no config at config.py: correct the path',
        lambda w: w.remove('config.py'),
    ),
    Case(
        'a config that is a folder',
        'train',
        'no config at config.py: correct the path',
        lambda w: (w.remove('config.py'), w.folder('config.py')),
    ),
    Case(
        'config of another kind',
        'train',
        'no config at config.py: correct the path',
        lambda w: w.move('config.py', 'config.txt'),
    ),
    Case(
        'auto-scale-lr without a base',
        'train --auto-scale-lr',
        'config.py does not say which batch size its learning rate is for: '
        'add auto_scale_lr =',
    ),
    *(Case(
        f'{tool}, --launcher {launcher} without one',
        f'{tool} --launcher {launcher}',
        f'--launcher {launcher} finds no {variable} in the environment: start '
        'the tool by tools/dist_*.sh or tools/slurm_*.sh, or leave --launcher',
    ) for tool, launcher, variable in (
        ('train', 'pytorch', 'RANK'),
        ('train', 'slurm', 'SLURM_PROCID'),
        ('test', 'mpi', 'OMPI_COMM_WORLD_RANK'),
    )),
    Case(
        'interval 0',
        'test --interval 0',
        '--interval is 0: give a number from 1',
        code=2,
    ),
    Case(
        'out without a name',
        'test --out=',
        '--out : for --out-item pred give a name ending in .pkl or .pickle',
        code=2,
    ),
    Case(
        'unknown argument',
        'train --epochs 3',
        'unrecognized arguments: --epochs 3',
        code=2,
    ),
    Case(
        'out without an ending',
        'test --out results',
        '--out results: for --out-item pred give a name ending in .pkl or '
        '.pickle',
        code=2,
    ),
    Case(
        'out is a folder',
        'test --out data.pkl',
        '--out data.pkl is a folder: give another name',
        lambda w: w.folder('data.pkl'),
    ),
    Case(
        'out in a file',
        'test --out config.py/a.pkl',
        '--out config.py/a.pkl: config.py is a file: give another name',
    ),
    Case(
        'work_dir is a file',
        'train --work-dir config.py',
        '--work-dir config.py is a file: give another name',
    ),
    Case(
        'work_dir in a file',
        'train --work-dir config.py/a',
        '--work-dir config.py/a: config.py is a file: give another name',
    ),
    Case(
        'work_dir of test is a file',
        'test --work-dir config.py',
        '--work-dir config.py is a file: give another name',
    ),
    Case(
        'show_dir is a file',
        'test --show-dir config.py',
        '--show-dir config.py is a file: give another name',
    ),
    Case(
        'agreement out is a file',
        'agreement --out config.py',
        '--out config.py is a file: give another name',
    ),
    Case(
        'benchmark 0 iterations',
        'benchmark --iters 0',
        '--iters is 0, --rounds 1, --warmup 10: give numbers from 1, 1 and 0',
        code=2,
    ),
    Case(
        'benchmark config',
        'benchmark --cfg-options train_dataloder.batch_size=3',
        '--cfg-options train_dataloder.batch_size: there is no '
        'train_dataloder: did you mean train_dataloader?',
    ),
    Case(
        'check without preflight images',
        'check --images 0',
        '--images is 0: at least one is needed',
        code=2,
    ),
    # kinds
    *(Case(
        f'{name} is a {kind.__name__}',
        'train',
        f'{name} is {kind()!r}: give {fix}',
        lambda w, line=f'{name} = {kind()!r}': w.configure(line),
    ) for name, kind, fix in (
        ('model', tuple, 'a dict'),
        ('train_dataloader', list, 'a dict'),
        ('default_hooks', list, 'a dict'),
        ('custom_hooks', dict, 'a list'),
        ('optim_wrapper', str, 'a dict'),
        ('param_scheduler', str, 'a dict or a list'),
        ('val_evaluator', str, 'a dict or a list'),
        ('load_from', list, 'text'),
        ('randomness', int, 'a dict'),
    )),
    Case(
        'option train_cfg',
        OPTION + 'train_cfg=3',
        'train_cfg is 3: give a dict',
    ),
    # mean and std
    Case(
        'std of images of 0 to 1',
        OPTION + 'data_preprocessor.std=[0.25,0.25,0.25]',
        'data_preprocessor has mean=[128.0, 128.0, 128.0] and std=[0.25, 0.25, '
        '0.25] for images of 0 to 255: multiply both by 255',
    ),
    Case(
        'std 0',
        OPTION + 'data_preprocessor.std=[0,1,1]',
        'data_preprocessor has mean=[128.0, 128.0, 128.0] and std=[0, 1, 1], '
        'by which images are divided: give numbers above 0',
    ),
    Case(
        'a mean of two channels',
        OPTION + 'data_preprocessor.mean=[1,2]',
        'data_preprocessor has mean=[1, 2] and std=[64.0, 64.0, 64.0] for '
        'images of 3 channels: give a number for each',
    ),
    # what is not there
    Case(
        'a pipeline without images',
        'train',
        "KeyError img at `inputs=_PackInputs.format_input(results['img']),`",
        lambda w: w.configure('del train_pipeline[0]'),
    ),
    Case(
        'a scheduler that is not there',
        'train',
        "there is no parameter scheduler of the type 'CosineAnealingLR': did "
        "you mean 'CosineAnnealingLR'?",
        replace("'CosineAnnealingLR'", "'CosineAnealingLR'"),
    ),
    Case(
        'a scope that is not there',
        'train',
        "there is no model of the type 'ImageClassifier': did you mean "
        "'mmpretrain.ImageClassifier'?",
        lambda w: w.configure("default_scope = 'mmpretrian'"),
    ),
    Case(
        'an empty file to resume',
        "train --resume=",
        '--resume names no file: give one, or leave the name out',
    ),
]


@pytest.mark.parametrize('case', CASES, ids=lambda case: case.name)
def test_bad_config(world, case):
    run(world, case)


@pytest.mark.parametrize('count, fix', [
    (3, 'auto_scale_lr.base_batch_size and the learning rate'),
    (8, 'train_dataloader.batch_size=2, or auto_scale_lr.base_batch_size and'),
])
def test_processes_that_cannot_share_a_batch(world, monkeypatch, count, fix):
    """In this one process, which is told of the others."""
    monkeypatch.setattr(
        'mmdeit.loops.view_loop.get_world_size', lambda: count)
    run(
        world,
        Case(
            'processes',
            'train',
            f'{count} processes cannot share batches of 16 images in groups '
            f'of 4: take 1 or 2 or 4 of them, or set {fix}',
            lambda w: w.configure('auto_scale_lr = dict(base_batch_size=16)'),
        ),
    )
