"""Trainings that ask their teacher once."""
import pytest
from mmengine.registry import MODELS

from tests.recipe import assert_ends_alike, recipe


@pytest.fixture
def train(tmp_path, build_runner, folder, teacher):
    """Train with a cache, and return the Runner and the last checkpoint."""

    def run(name, cache=None, mode='hard', **others):
        cfg = recipe(folder, **others)
        cfg.model.head.loss.mode = mode
        cfg.work_dir = str(tmp_path / name)
        cfg.default_hooks.teacher = dict(
            type='mmdeit.TeacherHook', teacher=teacher, preflight=0,
            cache=cache)
        runner = build_runner(cfg)
        runner.train()
        return runner, tmp_path / name / 'iter_9.pth'

    return run


@pytest.fixture
def asked(monkeypatch):
    """How many images the teacher was asked."""
    counts = []
    build = MODELS.build

    def counted(cfg, *args, **kwargs):
        built = build(cfg, *args, **kwargs)
        if isinstance(cfg, dict) and cfg.get('type') == 'mmdeit.Teacher':
            forward = built.forward
            built.forward = lambda x: counts.append(len(x)) or forward(x)
        return built

    monkeypatch.setattr('mmdeit.hooks.teacher_hook.MODELS.build', counted)
    return counts


@pytest.mark.parametrize('mode, cache', [
    ('hard', dict()), ('soft', dict(top_k=None)), ('soft', dict(top_k=2))])
def test_a_training_from_the_cache_is_the_one_with_the_teacher(
        mode, cache, train, tmp_path, asked):
    cache = dict(cache, folder=str(tmp_path / 'cache'))
    live = cache if cache.get('top_k') == 2 else None
    _, expected = train('live', live, mode)
    train('filling', cache, mode)
    asked.clear()
    _, found = train('cached', cache, mode)
    assert asked == []
    assert_ends_alike(found, expected)
