"""A few of the kills of kill_caching.py: each step of the writing, any time."""
from .kill_caching import ANY_TIME, STEPS, Kill, kill_cachings


def test_nothing_is_lost_or_invented(tmp_path):
    kills = [Kill(step) for step in (*STEPS, ANY_TIME, ANY_TIME)]
    assert [*kill_cachings(tmp_path, kills, seed=0, epochs=3)] == kills
    assert any(kill.more for kill in kills)
