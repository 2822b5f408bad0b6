from .checkpoint_hook import CheckpointHook
from .compile_hook import CompileHook
from .ema_hook import EMAHook, ExponentialMovingAverage
from .eval_mode_hook import EvalModeHook
from .runtime_info_hook import RuntimeInfoHook
from .teacher_hook import TeacherHook

__all__ = [
    'CheckpointHook', 'CompileHook', 'EMAHook', 'EvalModeHook',
    'ExponentialMovingAverage', 'RuntimeInfoHook', 'TeacherHook'
]
