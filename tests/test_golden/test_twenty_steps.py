"""Twenty steps of distillation on fixed batches: the same losses, to 1e-4.

Parameter groups, optimiser and its numbers are those of the schedule of the
recipe; the losses come through the classifier, as in training.
"""
import pytest
import torch

from mmdeit.structures import TrainingTargets

from .config import SCHEDULE, build_optimizer
from .fixture import load, summary
from .rule import images, teacher_logits
from .student import build, rename

STEPS, N, K = 20, 4, 5
WIDTH = 16


def batch(step):
    """Images, and mixed targets with the teacher's logits."""
    lam = (step + 0.5) / STEPS
    labels = torch.tensor([(step + shift) % K for shift in (0, 1, 3, 4)])
    one_hot = torch.eye(K)[labels]
    mixed = lam * one_hot + (1 - lam) * one_hot.flip(0)
    targets = TrainingTargets(labels, mixed)
    targets.teacher_answer = teacher_logits(f'teacher {step}', N, K)
    return images(f'images {step}', N, 8), targets


def test_twenty_steps():
    golden = load('twenty_steps')
    model = build(
        'toy_distilled', loss=dict(type='mmdeit.DistillationLoss',
                                   mode='hard')).train()
    optimizer = build_optimizer(model, SCHEDULE)
    losses = []
    for step in range(STEPS):
        inputs, targets = batch(step)
        loss, _ = model.parse_losses(model(inputs, targets, mode='loss'))
        optimizer.update_params(loss)
        losses.append(loss.item())
    assert losses == pytest.approx(golden['losses'], rel=0, abs=1e-4)

    parameters = dict(model.named_parameters())
    for key, expected in golden['parameters'].items():
        ours = summary(parameters[rename(key)])
        if key.endswith('qkv.bias'):
            # The bias of the keys shifts all of a query's scores alike: its
            # gradient is zero but for rounding, which Adam makes a step of.
            del ours[WIDTH:2 * WIDTH], expected[WIDTH:2 * WIDTH]
        assert ours == pytest.approx(expected, rel=0, abs=1e-5), key
