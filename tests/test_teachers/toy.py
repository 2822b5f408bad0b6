"""A teacher to whom colour, brightness and scale all matter, and its images.

A class is a hue and a width of stripes. The network is a linear classifier on
the mean colour and the mean contrast between neighbours, fitted here in closed
form; so wrong channels, normalisations and resolutions have the effect that
they have on a real one. The images are BGR, as OpenCV loads them.
"""
from pathlib import Path
from typing import Optional

import torch
import torch.nn.functional as F
from mmengine.config import Config
from mmengine.registry import DATASETS, MODELS, init_default_scope
from mmpretrain.structures import DataSample
from torch import Tensor, nn
from torch.utils.data import Dataset

from mmdeit.teachers import Preprocessing, StudentSpec

HUES = torch.tensor([[160., 100., 90.], [90., 160., 100.], [100., 90., 160.],
                     [120., 120., 120.]])  # RGB
WIDTHS = (4., 8.)
CLASSES = tuple(f'{hue} {stripes}' for hue in ('red', 'green', 'blue', 'grey')
                for stripes in ('narrow', 'wide'))
SIZE = 16
IMAGENET = dict(
    mean=[123.675, 116.28, 103.53], std=[58.395, 57.12, 57.375], to_rgb=True)
STUDENT = dict(mean=[100., 110., 120.], std=[50., 50., 50.])
SPEC = StudentSpec(len(CLASSES), class_names=CLASSES, **STUDENT)


def make_image(index: int) -> Tensor:
    """BGR bytes ``(3, 16, 16)``; the class is the index modulo 8."""
    generator = torch.Generator().manual_seed(index)
    hue, width = divmod(index % len(CLASSES), 2)
    phase = torch.rand(1, generator=generator)
    tint = 12 * torch.randn(3, 1, 1, generator=generator)
    height = 30 + 5 * torch.randn(1, generator=generator)
    angle = 2 * torch.pi * (torch.arange(SIZE) / WIDTHS[width] + phase)
    image = HUES[hue][:, None, None] + tint + height * angle.sin()
    noise = 12 * torch.randn(3, SIZE, SIZE, generator=generator)
    return (image + noise).clamp(0, 255).to(torch.uint8).flip(0)


@DATASETS.register_module()
class ToyImages(Dataset):
    """Images of all classes in turn, other ones in training and validation."""
    metainfo = dict(classes=CLASSES)

    def __init__(self, start: int, length: int = 128) -> None:
        self.start, self.length = start, length

    def __len__(self) -> int:
        return self.length

    def __getitem__(self, index: int) -> dict:
        if index >= self.length:
            raise IndexError(index)
        index += self.start
        return dict(
            inputs=make_image(index),
            data_samples=DataSample().set_gt_label(index % len(CLASSES)))


@MODELS.register_module()
class ToyClassifier(nn.Module):
    """Linear on mean colour and contrast, with batch norm and dropout.

    ``awake`` names the layer that ignores ``eval()``, as in a network that was
    exported in train mode; ``unloaded`` the tensors that nothing was loaded
    into.
    """

    def __init__(self,
                 num_classes: int = len(CLASSES),
                 awake: Optional[str] = None,
                 unloaded: tuple = ()) -> None:
        super().__init__()
        self.norm = nn.BatchNorm1d(4, affine=False)
        self.head = nn.Linear(4, num_classes)
        self.awake, self.unloaded = awake, unloaded

    def forward(self, images: Tensor) -> Tensor:
        colour = images.mean(dim=(2, 3))  # (N, 3)
        contrast = images.diff(dim=3).abs().mean(dim=(1, 2, 3))  # (N, )
        x = torch.cat([colour, contrast[:, None]], dim=1)
        x = F.batch_norm(
            x,
            self.norm.running_mean.clone(),
            self.norm.running_var.clone(),
            training=self.awake == 'batch norm' or self.training)
        x = F.dropout(x, 0.5, self.awake == 'dropout' or self.training)
        return self.head(x)


@torch.no_grad()
def fit_teacher(path: Path, input_size: int = SIZE) -> None:
    """Fit a teacher of ImageNet's normalisation and save its weights."""
    torch.manual_seed(0)
    network = ToyClassifier().eval()
    head, network.head = network.head, nn.Identity()
    images = torch.stack([make_image(i) for i in range(256)]).float()
    images = Preprocessing(
        StudentSpec(len(CLASSES), (0., ) * 3, (1., ) * 3), **IMAGENET,
        input_size=input_size)(images)
    labels = torch.arange(256) % len(CLASSES)
    x = network(images)
    network.norm.running_mean, network.norm.running_var = x.mean(0), x.var(0)
    x = network(images)
    means = torch.stack([x[labels == k].mean(0) for k in labels.unique()])
    # Fisher's discriminant
    inverse = (x - means[labels]).T.cov().inverse()
    head.weight.copy_(means @ inverse)
    head.bias.copy_(-0.5 * (means @ inverse * means).sum(dim=1))
    network.head = head
    torch.save(network.state_dict(), path)


def teacher_config(checkpoint: Optional[Path], **changes) -> dict:
    """The right config of that teacher, but for the changes."""
    return dict(
        type='mmdeit.Teacher',
        model=dict(type='ToyClassifier'),
        checkpoint=checkpoint and str(checkpoint),
        data_preprocessor=IMAGENET,
        **changes)


def make_config(folder: Path, **changes) -> Config:
    """A training of two iterations with that teacher."""
    init_default_scope('mmpretrain')
    if not (folder / 'toy.pth').exists():
        fit_teacher(folder / 'toy.pth')

    def loader(start: int) -> dict:
        return dict(
            batch_size=16,
            dataset=dict(type='ToyImages', start=start),
            sampler=dict(type='DefaultSampler', shuffle=start == 0),
            collate_fn=dict(type='default_collate'))

    return Config(
        dict(
            default_scope='mmpretrain',
            custom_imports=dict(imports=['tests.test_teachers.toy']),
            work_dir=str(folder / 'work'),
            model=dict(
                type='ImageClassifier',
                backbone=dict(
                    type='mmdeit.DistilledVisionTransformer',
                    arch=dict(
                        embed_dims=8,
                        num_layers=1,
                        num_heads=2,
                        feedforward_channels=16),
                    img_size=SIZE,
                    patch_size=8),
                head=dict(
                    type='mmdeit.DeiTClsHead',
                    num_classes=len(CLASSES),
                    in_channels=8,
                    loss=dict(type='mmdeit.DistillationLoss', mode='hard')),
                data_preprocessor=dict(num_classes=len(CLASSES), **STUDENT),
                train_cfg=dict(augments=[dict(type='Mixup', alpha=0.8)])),
            train_dataloader=loader(0),
            val_dataloader=loader(1000),
            val_evaluator=dict(type='mmdeit.HeadsAccuracy', topk=(1, )),
            val_cfg=dict(),
            optim_wrapper=dict(optimizer=dict(type='AdamW', lr=1e-2)),
            train_cfg=dict(by_epoch=False, max_iters=2, val_interval=9),
            default_hooks=dict(
                logger=dict(type='LoggerHook', interval=1), checkpoint=None),
            custom_hooks=[
                dict(
                    type='mmdeit.TeacherHook',
                    teacher=teacher_config(folder / 'toy.pth', **changes),
                    preflight=128)
            ],
            log_level='INFO',
            randomness=dict(seed=0)))
