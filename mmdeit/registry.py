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
    """Find the class that the ``type`` of a config names.

    Args:
        registry (Registry): One of mmengine's root registries.
        kind (str | type, optional): The ``type``, with or without a scope.
        scope (str, optional): ``default_scope`` of the config. Defaults to
            None, the current one.

    Returns:
        type | None: The class; None if there is none of this name.
    """
    if not isinstance(kind, str):
        return kind
    with registry.switch_scope_and_registry(scope) as scoped:
        return scoped.get(kind)


__all__ = [
    'DATA_SAMPLERS', 'DATASETS', 'HOOKS', 'METRICS', 'MODELS',
    'OPTIM_WRAPPER_CONSTRUCTORS', 'PARAM_SCHEDULERS', 'TRANSFORMS', 'resolve'
]
