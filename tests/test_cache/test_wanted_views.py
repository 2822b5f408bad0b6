"""Which views a training still needs of a cache."""
from types import SimpleNamespace

import pytest

from mmdeit.cache.teacher_cache import wanted_views


@pytest.mark.parametrize('views, first, end, recycle, wanted', [
    (40, 0, 10, None, {0: 40, 1: 40}),  # epochs of 5 iterations of 8
    (40, 0, 7, None, {0: 40, 1: 16}),  # ends in the midst of an epoch
    (37, 0, 7, None, {0: 37, 1: 16}),  # whose last batch has fewer
    (40, 5, 7, None, {1: 16}),  # has been resumed
    (40, 0, 13, 2, {0: 40, 1: 40}),
    (40, 10, 13, 2, {0: 24}),
])
def test_iterations(views, first, end, recycle, wanted):
    loop = SimpleNamespace(
        stream_length=views, plan=SimpleNamespace(views=8), recycle=recycle,
        iter=first, max_iters=end, epoch=0, max_epochs=1)
    assert wanted_views(loop) == wanted
