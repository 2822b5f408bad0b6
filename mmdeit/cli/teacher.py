"""The teacher of a config, wherever it stands."""
from mmengine.config import Config
from mmengine.registry import HOOKS

from mmdeit.hooks import TeacherHook
from mmdeit.registry import resolve


def find_teacher_hook(cfg: Config) -> dict | None:
    """The config's own part for the teacher's hook; None without one."""
    hooks = [*(cfg.get('default_hooks') or {}).values(),
             *(cfg.get('custom_hooks') or [])]
    for hook in filter(None, hooks):
        kind = resolve(HOOKS, hook.get('type'), cfg.get('default_scope'))
        if issubclass(kind or object, TeacherHook):
            return hook
    return None
