"""The registries of mmdeit: children of mmengine's root registries.

Keep ``default_scope = 'mmpretrain'`` in configs and name the components of
this package with their scope, as in ``type='mmdeit.TeacherHook'``.
"""
from mmengine import registry as root
from mmengine.registry import Registry


def _child(parent: Registry, *locations: str) -> Registry:
    return Registry(
        parent.name, parent=parent, scope='mmdeit', locations=list(locations))


MODELS = _child(root.MODELS, 'mmdeit.models', 'mmdeit.teachers')
HOOKS = _child(root.HOOKS, 'mmdeit.hooks')
LOOPS = _child(root.LOOPS, 'mmdeit.loops')
METRICS = _child(root.METRICS, 'mmdeit.evaluation')
TRANSFORMS = _child(root.TRANSFORMS, 'mmdeit.datasets')
DATASETS = _child(root.DATASETS, 'mmdeit.datasets')
DATA_SAMPLERS = _child(root.DATA_SAMPLERS, 'mmdeit.datasets')
OPTIM_WRAPPER_CONSTRUCTORS = _child(
    root.OPTIM_WRAPPER_CONSTRUCTORS, 'mmdeit.optim')
PARAM_SCHEDULERS = _child(root.PARAM_SCHEDULERS, 'mmdeit.optim')


def resolve(registry: Registry,
            kind: str | type | None,
            scope: str | None = None) -> type | None:
    """The class that a ``type``, with or without a scope, names; or None.

    The registry is one of mmengine's root registries, the scope the config's
    ``default_scope``; None is the current one.
    """
    if not isinstance(kind, str):
        return kind
    with registry.switch_scope_and_registry(scope) as scoped:
        return scoped.get(kind)


__all__ = [
    'DATA_SAMPLERS', 'DATASETS', 'HOOKS', 'LOOPS', 'METRICS', 'MODELS',
    'OPTIM_WRAPPER_CONSTRUCTORS', 'PARAM_SCHEDULERS', 'TRANSFORMS', 'resolve'
]
