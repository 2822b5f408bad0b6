"""A few of the kills of kill_training.py: each step of a save, any time."""
from .kill_training import ANY_TIME, STEPS, Kill, kill_trainings


def test_nothing_is_lost(tmp_path):
    kills = [Kill(step, keep=1) for step in (*STEPS, ANY_TIME, ANY_TIME)]
    assert [*kill_trainings(tmp_path, kills, seed=0, epochs=3)] == kills
    assert any(kill.iteration for kill in kills)
