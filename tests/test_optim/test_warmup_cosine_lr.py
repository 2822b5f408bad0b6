import math

import pytest
import torch
from mmengine.logging import MMLogger
from mmengine.registry import PARAM_SCHEDULERS

EPOCH_LENGTH = 10


def rates(steps, peak=1e-3, **kwargs):
    """The rate of each step, as ParamSchedulerHook would set it."""
    optimizer = torch.optim.SGD([torch.zeros(1)], lr=peak)
    scheduler = PARAM_SCHEDULERS.build(
        dict(type='mmdeit.WarmupCosineLR', end=300, **kwargs),
        default_args=dict(optimizer=optimizer, epoch_length=EPOCH_LENGTH))
    result = []
    for _ in range(steps):
        result.append(optimizer.param_groups[0]['lr'])
        scheduler.step()
    return result


def cosine(t, total=300):
    return 1e-5 + (1e-3 - 1e-5) * (1 + math.cos(math.pi * t / total)) / 2


def test_official_loop_is_an_epoch_late():
    result = rates(300)
    assert result[:6] == pytest.approx(
        [1e-6, 1e-6, 2.008e-4, 4.006e-4, 6.004e-4, 8.002e-4])
    assert result[6:] == pytest.approx([cosine(t) for t in range(5, 299)])


def test_without_delay():
    result = rates(300, delay=0)
    assert result[:5] == pytest.approx(
        [1e-6, 2.008e-4, 4.006e-4, 6.004e-4, 8.002e-4])
    assert result[5:] == pytest.approx([cosine(t) for t in range(5, 300)])


def test_by_iteration():
    """It meets the schedule by epoch at the start of each epoch."""
    by_iter = rates(
        300 * EPOCH_LENGTH, delay=0, by_epoch=True, convert_to_iter_based=True)
    assert by_iter[::EPOCH_LENGTH] == pytest.approx(rates(300, delay=0))
    # and moves between
    assert all(a < b for a, b in zip(by_iter[:50], by_iter[1:51]))
    assert all(a > b for a, b in zip(by_iter[50:], by_iter[51:]))


def test_delay_is_in_epochs():
    by_iter = rates(30, by_epoch=True, convert_to_iter_based=True)
    assert by_iter[:10] == [1e-6] * 10
    assert by_iter[20] == pytest.approx(2.008e-4)


def test_scaled_peak_keeps_the_absolute_ends():
    result = rates(300, peak=5e-4, delay=0)
    assert result[0] == 1e-6
    assert result[150] == pytest.approx(1e-5 + (5e-4 - 1e-5) / 2)


def test_resume():
    optimizer = torch.optim.SGD([torch.zeros(1)], lr=1e-3)
    cfg = dict(type='mmdeit.WarmupCosineLR', end=300)
    first = PARAM_SCHEDULERS.build(cfg, default_args=dict(optimizer=optimizer))
    for _ in range(100):
        first.step()
    second = PARAM_SCHEDULERS.build(cfg, default_args=dict(optimizer=optimizer))
    second.load_state_dict(first.state_dict())
    second.step()
    assert optimizer.param_groups[0]['lr'] == pytest.approx(cosine(100))


@pytest.mark.parametrize('peak, below', [(1e-3, False), (9e-6, True)])
def test_a_peak_below_the_ends_is_pointed_out(peak, below, caplog):
    """As scaling the rate by a small batch may make it."""
    logger = MMLogger.get_instance(f'peak {peak}')
    logger.addHandler(caplog.handler)
    rates(1, peak)
    assert ('lies below' in caplog.text) == below
