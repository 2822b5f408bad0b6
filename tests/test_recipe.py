"""The recipe's numbers in the configs, written out with their sources.

Sources are options and code of the official ``main.py`` and ``datasets.py``,
or the paper. What a config says beyond these numbers fails too, except for
how fast the data are read and how often is validated.
"""
from copy import deepcopy
from functools import lru_cache
from pathlib import Path

import mmengine
import pytest
from mmengine.config import Config
from mmengine.registry import MODELS
from torch import nn

from mmdeit.models.drop_path import DropPath

FOLDER = Path(__file__).resolve().parents[1] / 'configs/deit'
WIDTHS = dict(tiny=192, small=384, base=768)  # paper Table 1
PRETRAINED = [
    *(f'deit-{size}{kind}' for size in WIDTHS for kind in (
        '', '-distilled', '-distilled-1000e', '-usual-soft', '-usual-hard')),
    'deit-base-distilled_by-deit']
FINETUNED = [f'{name}-384' for name in PRETRAINED if 'base' in name]
GPUS = 8


@lru_cache(maxsize=None)
def load(name):
    return Config.fromfile(FOLDER / f'{name}.py')

def loader(cfg):
    return {k: v for k, v in cfg.items() if k != 'num_workers'}


def test_these_are_all_models_of_the_paper():
    models = mmengine.load(FOLDER / 'metafile.yml')['Models']
    assert {model['Name'] for model in models} == {*PRETRAINED, *FINETUNED}


@pytest.mark.parametrize('name', PRETRAINED + FINETUNED)
def test_training_images(name):
    cfg = load(name)
    size = 384 if name in FINETUNED else 224  # --input-size
    # --batch-size 64 of 16 GPUs; 32 of 16 in fine-tuning
    batch = 512 if name in FINETUNED else 1024
    assert loader(cfg.train_dataloader) == dict(
        batch_size=batch // GPUS,
        drop_last=True,
        # --repeated-aug: RASampler, 3 repeats
        sampler=dict(
            type='mmdeit.RepeatAugSampler', num_repeats=3, shuffle=True,
            seed=0),
        dataset=dict(
            type='mmdeit.ImageNet',
            data_root='data/imagenet',
            split='train',
            pipeline=[
                dict(type='mmdeit.LoadImageFromFile'),
                # --train-interpolation bicubic; area 0.08 to 1, aspect 3/4 to
                # 4/3 by default, see test_golden/test_augmentation.py
                dict(
                    type='mmdeit.RandomResizedCrop', scale=size,
                    backend='torch', interpolation='bicubic'),
                dict(type='mmdeit.RandomFlip', prob=0.5,
                     direction='horizontal'),
                # --aa rand-m9-mstd0.5-inc1, which puts --color-jitter out of
                # action; what it uncovers gets the mean colour, here BGR
                dict(
                    type='mmdeit.RandAugment',
                    policies='timm_increasing',
                    num_policies=2,
                    total_level=10,
                    magnitude_level=9,
                    magnitude_std=0.5,
                    hparams=dict(
                        pad_val=[104, 116, 124], interpolation='bicubic')),
                # --reprob 0.25 --remode pixel --recount 1
                dict(
                    type='mmdeit.RandomErasing',
                    erase_prob=0.25,
                    min_area_ratio=0.02,
                    max_area_ratio=1 / 3),
                dict(type='mmdeit.PackInputs'),
            ]))
    assert cfg.auto_scale_lr == dict(base_batch_size=batch)


@pytest.mark.parametrize('name', PRETRAINED + FINETUNED)
def test_test_images(name):
    cfg = load(name)
    # --eval-crop-ratio 0.875: int(size / 0.875)
    size, short = (384, 438) if name in FINETUNED else (224, 256)
    for key in ('val_dataloader', 'test_dataloader'):
        assert cfg[key].dataset == dict(
            type='mmdeit.ImageNet',
            data_root='data/imagenet',
            split='val',
            pipeline=[
                dict(type='mmdeit.LoadImageFromFile'),
                dict(
                    type='mmdeit.ResizeEdge', scale=short, edge='short',
                    backend='torch', interpolation='bicubic'),
                dict(type='CenterCrop', crop_size=size),
                dict(type='PackInputs'),
            ])
        assert not cfg[key].get('drop_last')
        assert cfg[key].sampler == dict(type='DefaultSampler', shuffle=False)
    # joint prediction: accuracy() of the mean of the logits
    for key in ('val_evaluator', 'test_evaluator'):
        assert cfg[key] == dict(type='mmdeit.HeadsAccuracy', topk=(1, 5))


@pytest.mark.parametrize('name', PRETRAINED + FINETUNED)
def test_normalisation(name):
    """IMAGENET_DEFAULT_MEAN and _STD, times 255; mixed by GPU."""
    assert load(name).data_preprocessor == dict(
        type='mmdeit.ClsDataPreprocessor',
        num_classes=1000,
        mean=[123.675, 116.28, 103.53],
        std=[58.395, 57.12, 57.375],
        to_rgb=True,
        group_size=64 if name in FINETUNED else 128)


@pytest.mark.parametrize('name', PRETRAINED + FINETUNED)
def test_optimiser(name):
    """Paper Table 9; --opt adamw --opt-eps 1e-8, no --clip-grad."""
    cfg = load(name)
    assert {k: v for k, v in cfg.optim_wrapper.items()
            if k != 'constructor'} == dict(
        type='AmpOptimWrapper',
        dtype='bfloat16',  # fp16 with GradScaler in 2021
        loss_scale=dict(enabled=False),
        optimizer=dict(
            type='AdamW',
            # --lr 5e-4 x batch / 512; --lr 5e-6 in fine-tuning
            lr=5e-6 if name in FINETUNED else 1e-3,
            # --weight-decay
            weight_decay=1e-8 if name in FINETUNED else 0.05,
            eps=1e-8,
            betas=(0.9, 0.999)),
        # as timm 0.3.2's no_weight_decay(): not dist_token
        paramwise_cfg=dict(
            norm_decay_mult=0.0,
            bias_decay_mult=0.0,
            flat_decay_mult=0.0,
            custom_keys={
                '.cls_token': dict(decay_mult=0.0),
                '.pos_embed': dict(decay_mult=0.0)
            }))


@pytest.mark.parametrize('name', PRETRAINED + FINETUNED)
def test_schedule(name):
    cfg = load(name)
    assert cfg.param_scheduler == dict(
        type='mmdeit.WarmupCosineLR',
        by_epoch=True,  # lr_scheduler.step(epoch)
        warmup=5,  # --warmup-epochs
        warmup_lr=1e-6,
        # --min-lr 1e-5; 5e-6, that is a constant rate, in fine-tuning
        eta_min=5e-6 if name in FINETUNED else 1e-5,
        delay=1)  # stepped after epoch e to the rate of e
    # --epochs
    epochs = 30 if name in FINETUNED else 1000 if '1000e' in name else 300
    assert cfg.train_cfg.type == 'mmdeit.EpochBasedTrainLoop'
    assert cfg.train_cfg.max_epochs == epochs
    start = None
    if name in FINETUNED:
        start = name.removesuffix('-384')
        last = load(start).train_cfg.max_epochs
        start = f'work_dirs/{start}/epoch_{last}.pth'
    assert cfg.load_from == start


@pytest.mark.parametrize('name', PRETRAINED + FINETUNED)
def test_runtime(name):
    cfg = load(name)
    assert cfg.env_cfg.cudnn_benchmark  # cudnn.benchmark = True
    # seed = args.seed + utils.get_rank()
    assert cfg.randomness.diff_rank_seed
    assert not cfg.randomness.get('deterministic')


@pytest.mark.parametrize('name', PRETRAINED + FINETUNED)
def test_model(name):
    """Network, regularisation and loss."""
    size = next(size for size in WIDTHS if size in name)
    token = '-distilled' in name
    usual = '-usual' in name
    smoothing = dict(  # --smoothing 0.1: off = eps / K, on = 1 - eps + off
        type='LabelSmoothLoss', label_smooth_val=0.1, mode='original')
    expected = dict(
        type='mmdeit.DistilledClassifier' if usual else 'ImageClassifier',
        backbone=dict(
            type='mmdeit.DistilledVisionTransformer'
            if token else 'mmdeit.VisionTransformer',
            arch=f'deit-{size}',
            img_size=224,
            patch_size=16,
            drop_path_rate=0.1),  # --drop-path
        neck=None,
        head=dict(
            type='mmdeit.DeiTClsHead',
            num_classes=1000,
            in_channels=WIDTHS[size],
            loss=dict(  # --distillation-type hard --distillation-alpha 0.5
                type='mmdeit.DistillationLoss', mode='hard', alpha=0.5,
                base_loss=smoothing)),
        # --mixup 0.8 --cutmix 1.0 --mixup-prob 1 --mixup-switch-prob 0.5
        # --mixup-mode batch: one of the two, evenly, for each batch
        train_cfg=dict(augments=[
            dict(type='Mixup', alpha=0.8),
            dict(type='CutMix', alpha=1.0)
        ]))
    if not token:
        expected['head'].update(
            type='VisionTransformerClsHead',
            loss=smoothing,
            # nn.Linear's trunc_normal_(std=.02); mmpretrain starts from zeros
            init_cfg=dict(type='TruncNormal', layer='Linear', std=.02))
    if name in FINETUNED:
        expected['backbone']['img_size'] = 384
        # --no-train-mode leaves no path out
        del expected['backbone']['drop_path_rate']
    if usual:  # paper Section 5.3; losses.py divides by numel
        expected['distillation'] = dict(mode='hard', alpha=0.5) \
            if 'hard' in name else \
            dict(mode='soft', alpha=0.1, tau=3.0, reduction='numel')
    assert load(name).model == expected


REGNETY = dict(  # --teacher-model regnety_160
    type='mmdeit.Teacher',
    model=dict(
        type='ImageClassifier',
        backbone=dict(type='mmdeit.RegNetY', arch='regnety_16gf'),
        neck=dict(type='GlobalAveragePooling'),  # global_pool='avg'
        head=dict(type='LinearClsHead', num_classes=1000, in_channels=3024),
        # the student's, so that both see the same tensor
        data_preprocessor=dict(
            type='mmdeit.ClsDataPreprocessor',
            mean=[123.675, 116.28, 103.53],
            std=[58.395, 57.12, 57.375],
            to_rgb=True)),
    # --teacher-path of the official README; timm's untagged regnety_160 has
    # other weights today
    checkpoint='https://dl.fbaipublicfiles.com/deit/'
    'regnety_160-a5fe301d.pth',
    expected_accuracy=82.9)  # paper Table 2
DEIT = dict(  # paper Table 2, first row
    type='mmdeit.Teacher',
    model='configs/deit/deit-base.py',
    checkpoint='work_dirs/deit-base/epoch_300.pth',
    expected_accuracy=81.8)


@pytest.mark.parametrize('name', PRETRAINED + FINETUNED)
def test_teacher_and_average(name):
    hooks = dict(
        # --model-ema-decay 0.99996; evaluate(model)
        ema=dict(
            type='mmdeit.EMAHook',
            momentum=1 - 0.99996,
            evaluate_on_ema=False,
            evaluate_on_origin=True))
    if name in FINETUNED:  # --no-train-mode
        hooks['eval_mode'] = dict(type='mmdeit.EvalModeHook')
    if '-distilled' in name or '-usual' in name:
        teacher = DEIT if 'by-deit' in name else REGNETY
        if name == 'deit-base-distilled_by-deit-384':
            teacher = dict(teacher, input_size=224)  # what it was trained at
        hooks['teacher'] = dict(type='mmdeit.TeacherHook', teacher=teacher)
    cfg = load(name)
    assert {name: hook for name, hook in cfg.default_hooks.items()
            if hook.type.startswith('mmdeit.')
            and name not in ('checkpoint', 'runtime_info')} == hooks
    assert not cfg.get('custom_hooks')


@pytest.mark.parametrize('name', ['deit-tiny', 'deit-tiny-distilled'])
def test_what_the_network_leaves_to_defaults(name):
    """LayerNorm's epsilon, --drop 0 and the depth's share of --drop-path."""
    network = MODELS.build(deepcopy(load(name).model))
    modules = list(network.modules())
    eps = [m.eps for m in modules if isinstance(m, nn.LayerNorm)]
    assert eps == [1e-6] * 25
    assert {m.p for m in modules if isinstance(m, nn.Dropout)} == {0}
    assert {x.attn.attn_drop for x in network.backbone.layers} == {0}
    drops = [m for m in modules if type(m) is DropPath]
    # linspace(0, 0.1, 12), in attention and MLP alike
    assert [m.drop_prob for m in drops] == pytest.approx(
        [0.1 * n / 11 for n in range(12) for _ in range(2)])
