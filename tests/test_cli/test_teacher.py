import pytest
from mmengine.config import Config

from mmdeit.cli import find_teacher_hook
from mmdeit.hooks import TeacherHook


class OwnHook(TeacherHook):
    """Somebody's own."""


@pytest.mark.parametrize('kind, scope', [
    ('mmdeit.TeacherHook', 'mmpretrain'), ('TeacherHook', 'mmdeit'),
    (OwnHook, 'mmpretrain')])
@pytest.mark.parametrize('place', [
    lambda hook: dict(default_hooks=dict(logger=dict(type='LoggerHook'),
                                         timer=None, teacher=hook)),
    lambda hook: dict(custom_hooks=[dict(type='EMAHook'), hook]),
])
def test_wherever_it_stands(kind, scope, place):
    hook = dict(type=kind, preflight=0)
    cfg = Config(dict(default_scope=scope, **place(hook)))
    found = find_teacher_hook(cfg)
    found.preflight = 7  # the part of the config itself
    assert '7' in str(cfg) and found.type == kind


@pytest.mark.parametrize('cfg', [
    dict(), dict(custom_hooks=None, default_hooks=None),
    dict(custom_hooks=[dict(type='mmdeit.EMAHook'), dict(type='NoHook')])])
def test_no_teacher(cfg):
    assert find_teacher_hook(Config(cfg)) is None
