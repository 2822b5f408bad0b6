# Runtime settings of every detector, with mmdet's visualisation.
_base_ = './default_runtime.py'

default_scope = 'mmdet'

default_hooks = dict(
    visualization=dict(_delete_=True, type='DetVisualizationHook'))

visualizer = dict(type='DetLocalVisualizer')
