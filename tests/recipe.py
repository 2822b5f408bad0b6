"""A training with everything that is random in the recipe, on a few pictures.

Crop, flip, RandAugment, erasing, repeated augmentation, Mixup and CutMix in
groups, stochastic depth; and the moving average.
"""
from copy import deepcopy
from pathlib import Path

import torch
from mmengine.config import Config
from mmengine.dist import get_rank
from mmengine.hooks import Hook
from mmengine.registry import HOOKS, MODELS

from mmdeit.utils import unwrap_model

from .conftest import STUDENT, TEACHER
from .pictures import SIZE, augmented

GROUP_SIZE = 4  # images that are mixed alike
BATCH = 16  # of which an iteration has four groups


def recipe(folder: Path, drop_path_rate: float = 0.2, **others) -> Config:
    """The config of such a training: three epochs, on 48 pictures of 3 steps.

    Args:
        folder (Path): The pictures, see :func:`tests.pictures.write_pictures`.
        drop_path_rate (float): Of the student. Defaults to 0.2.
        **others: Replace what is at the top level.
    """
    model = deepcopy(STUDENT)
    model['backbone'].update(
        img_size=SIZE, patch_size=8, in_channels=3,
        drop_path_rate=drop_path_rate)
    model['head']['loss']['mode'] = 'none'
    model['data_preprocessor'].update(
        type='mmdeit.ClsDataPreprocessor', group_size=GROUP_SIZE,
        mean=[123.675, 116.28, 103.53], std=[58.395, 57.12, 57.375],
        to_rgb=True)
    return Config(
        dict(
            custom_imports=dict(imports=['tests.recipe']),
            default_scope='mmpretrain',
            model=model,
            train_dataloader=dict(
                batch_size=BATCH,
                num_workers=0,
                drop_last=True,
                collate_fn=dict(type='default_collate'),
                dataset=augmented(folder),
                sampler=dict(type='mmdeit.RepeatAugSampler')),
            optim_wrapper=dict(optimizer=dict(type='AdamW', lr=1e-3)),
            auto_scale_lr=dict(base_batch_size=BATCH),
            param_scheduler=[
                dict(type='LinearLR', by_epoch=False, end=4),
                dict(type='CosineAnnealingLR', by_epoch=True, end=3)
            ],
            train_cfg=dict(type='mmdeit.EpochBasedTrainLoop', max_epochs=3),
            default_hooks=dict(
                runtime_info=dict(type='mmdeit.RuntimeInfoHook'),
                logger=dict(type='LoggerHook', interval=1),
                checkpoint=dict(
                    type='mmdeit.CheckpointHook', by_epoch=False, interval=1),
                ema=dict(type='mmdeit.EMAHook', momentum=0.1)),
            log_level='WARNING',
            randomness=dict(seed=0)) | others)


def toy_teacher(checkpoint: Path) -> dict:
    """The config of a teacher for it, whose random weights are saved there."""
    model = deepcopy(TEACHER)
    model['backbone']['in_channels'] = 3
    torch.manual_seed(1)
    weights = MODELS.build(deepcopy(model)).state_dict()
    torch.save(dict(state_dict=weights), checkpoint)
    return dict(type='mmdeit.Teacher', model=model, checkpoint=str(checkpoint))


def validation(folder: Path) -> dict:
    """What a config needs to validate on the pictures, for ``recipe``."""
    return dict(
        val_dataloader=dict(
            batch_size=16,
            num_workers=0,
            dataset=dict(
                type='mmdeit.CustomDataset',
                data_prefix=str(folder),
                pipeline=[
                    dict(type='mmdeit.LoadImageFromFile'),
                    dict(type='Resize', scale=(SIZE, SIZE)),
                    dict(type='PackInputs')
                ]),
            sampler=dict(type='DefaultSampler', shuffle=False)),
        val_evaluator=dict(type='mmdeit.HeadsAccuracy', topk=(1, )),
        val_cfg=dict())


@HOOKS.register_module()
class RecordViewsHook(Hook):
    """Writes down what the model is given and what it makes of it.

    In ``rank{r}.pt`` of the work directory: ``views``, by their keys the
    pixels, labels and targets, and the teacher's answer if there is one; and
    ``losses``, for each iteration the mean of this process.
    """

    def __init__(self) -> None:
        self.views, self.losses = {}, []

    def before_train(self, runner):
        unwrap_model(runner.model).data_preprocessor.register_forward_hook(
            self._record)

    def _record(self, preprocessor, args, batch):
        if not preprocessor.training:
            return
        targets = batch['data_samples']
        given = [batch['inputs'], targets.labels, targets.mixed]
        if targets.teacher_answer is not None:
            given.append(targets.teacher_answer)
        for view, *values in zip(args[0]['views'], *given):
            self.views[tuple(view.tolist())] = [v.clone() for v in values]

    def after_train_iter(self, runner, batch_idx, data_batch=None,
                         outputs=None):
        self.losses.append(outputs['loss'].item())

    def after_train(self, runner):
        torch.save(dict(views=self.views, losses=self.losses),
                   Path(runner.work_dir, f'rank{get_rank()}.pt'))


def assert_same(found, expected, where: str = '') -> None:
    """Two trees of dicts, lists, tensors and numbers are equal, bit by bit."""
    assert type(found) is type(expected), where
    if isinstance(found, dict):
        assert found.keys() == expected.keys(), where
        for key in found:
            assert_same(found[key], expected[key], f'{where}.{key}')
    elif isinstance(found, (list, tuple)):
        assert len(found) == len(expected), where
        for i, pair in enumerate(zip(found, expected)):
            assert_same(*pair, f'{where}.{i}')
    elif isinstance(found, torch.Tensor):
        assert torch.equal(found, expected), where
    else:
        assert found == expected, where


def assert_ends_alike(file: Path, expected: Path) -> None:
    """Two checkpoints have the same weights, average and state of training.

    The losses of the last iterations, too.
    """
    found, expected = (
        torch.load(path, weights_only=True) for path in (file, expected))
    for part in ('state_dict', 'ema_state_dict', 'optimizer',
                 'param_schedulers'):
        assert_same(found[part], expected[part], part)
    for part in ('epoch', 'iter', 'seed'):
        assert found['meta'][part] == expected['meta'][part], part
    scalars, others = (
        checkpoint['message_hub']['log_scalars']
        for checkpoint in (found, expected))
    assert_same(scalars['train/loss'], others['train/loss'], 'losses')
