"""The registries of mmdeit: children of mmengine's root registries.

Keep ``default_scope = 'mmpretrain'`` in configs and name the components of
this package with their scope, as in ``type='mmdeit.TeacherHook'``.
"""
from mmengine.registry import DATA_SAMPLERS as MMENGINE_DATA_SAMPLERS
from mmengine.registry import DATASETS as MMENGINE_DATASETS
from mmengine.registry import HOOKS as MMENGINE_HOOKS
from mmengine.registry import METRICS as MMENGINE_METRICS
from mmengine.registry import MODELS as MMENGINE_MODELS
from mmengine.registry import (
    OPTIM_WRAPPER_CONSTRUCTORS as MMENGINE_OPTIM_WRAPPER_CONSTRUCTORS,
)
from mmengine.registry import PARAM_SCHEDULERS as MMENGINE_PARAM_SCHEDULERS
from mmengine.registry import TRANSFORMS as MMENGINE_TRANSFORMS
from mmengine.registry import Registry

MODELS = Registry(
    'model', parent=MMENGINE_MODELS, scope='mmdeit',
    locations=['mmdeit.models', 'mmdeit.teachers'])
HOOKS = Registry(
    'hook', parent=MMENGINE_HOOKS, scope='mmdeit', locations=['mmdeit.hooks'])
METRICS = Registry(
    'metric', parent=MMENGINE_METRICS, scope='mmdeit',
    locations=['mmdeit.evaluation'])
TRANSFORMS = Registry(
    'transform', parent=MMENGINE_TRANSFORMS, scope='mmdeit',
    locations=['mmdeit.datasets'])
DATASETS = Registry(
    'dataset', parent=MMENGINE_DATASETS, scope='mmdeit',
    locations=['mmdeit.datasets'])
DATA_SAMPLERS = Registry(
    'data sampler', parent=MMENGINE_DATA_SAMPLERS, scope='mmdeit',
    locations=['mmdeit.datasets'])
OPTIM_WRAPPER_CONSTRUCTORS = Registry(
    'optim wrapper constructor',
    parent=MMENGINE_OPTIM_WRAPPER_CONSTRUCTORS, scope='mmdeit',
    locations=['mmdeit.optim'])
PARAM_SCHEDULERS = Registry(
    'parameter scheduler', parent=MMENGINE_PARAM_SCHEDULERS, scope='mmdeit',
    locations=['mmdeit.optim'])


def resolve(registry: Registry,
            kind: str | type | None,
            scope: str | None = None) -> type | None:
    """Find the class that the ``type`` of a config names.

    Args:
        registry (Registry): Where to look it up; a root registry of mmengine
            finds the classes of every scope.
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
