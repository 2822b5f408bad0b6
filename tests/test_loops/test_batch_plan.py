import re

import pytest

from mmdeit.loops.batch_plan import BatchPlan, plan_batch


@pytest.mark.parametrize('world_size', [1, 2, 4, 8])
@pytest.mark.parametrize('batch_size, group_size', [
    (128, 128), (255, 128), (64, 64), (96, 64), (1, 1)])
def test_recipe_on_fewer_gpus(world_size, batch_size, group_size):
    plan = plan_batch(batch_size, world_size, views=1024, group_size=128)
    passes = 1024 // world_size // group_size
    assert plan == BatchPlan(1024, 1024 // world_size, passes, group_size)
    assert plan.pass_size == group_size


@pytest.mark.parametrize('world_size, batch_size', [
    (1, 1024), (2, 512), (4, 256), (8, 128)])
def test_recipe_in_one_pass(world_size, batch_size):
    plan = plan_batch(batch_size, world_size, views=1024, group_size=128)
    assert plan == BatchPlan(1024, batch_size, passes=1, group_size=128)


def test_a_pass_takes_as_many_groups_as_fit():
    plan = plan_batch(300, 1, views=1024, group_size=128)
    assert plan == BatchPlan(1024, 1024, passes=4, group_size=128)
    assert plan.pass_size == 256


def test_groups_divide_the_batch():
    """Or no number of processes could share it."""
    plan = plan_batch(128, 1, views=1000, group_size=128)
    assert plan == BatchPlan(1000, 1000, passes=8, group_size=125)


def test_nothing_is_mixed():
    assert plan_batch(48, 2, views=192) == BatchPlan(192, 96, passes=2)
    assert plan_batch(500, 2, views=192) == BatchPlan(192, 96, passes=1)


@pytest.mark.parametrize('passes', [1, 3])
@pytest.mark.parametrize('batch_size', [7, 128, 200])
def test_the_batch_that_processes_make(passes, batch_size):
    """What auto_scale_lr scales the learning rate to; any number will do."""
    plan = plan_batch(batch_size, 5, passes, group_size=128)
    assert plan == BatchPlan(5 * batch_size * passes, batch_size * passes,
                             passes, min(batch_size, 128))
    assert plan.pass_size == batch_size


def test_passes_of_the_config_are_kept():
    plan = plan_batch(64, 2, 8, views=1024, group_size=128)
    assert plan == BatchPlan(1024, 512, passes=8, group_size=64)


@pytest.mark.parametrize('arguments, message', [
    (dict(batch_size=128, world_size=3, views=1024, group_size=128),
     '3 processes cannot share batches of 1024 images in groups of 128: take '
     '1 or 2 or 4 or 8 of them, or set auto_scale_lr.base_batch_size and the '
     'learning rate'),
    (dict(batch_size=64, world_size=7, views=1024),
     '7 processes cannot share batches of 1024 images: take 8 or 16 or 32 or '
     '64 or 128 or 256 or 512 or 1024 of them, or set '
     'auto_scale_lr.base_batch_size and the learning rate'),
    (dict(batch_size=128, world_size=2, passes=2, views=1024),
     '2 processes x 2 passes (accumulative_counts) x batch_size 128 are 512 '
     'images, and the learning rate is for 1024: leave accumulative_counts '
     'out, to have it found, or set auto_scale_lr.base_batch_size=512'),
])
def test_what_cannot_be_shared(arguments, message):
    with pytest.raises(ValueError, match=f'^{re.escape(message)}$'):
        plan_batch(**arguments)
