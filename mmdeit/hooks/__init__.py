from .checkpoint_hook import CheckpointHook
from .ema_hook import EMAHook
from .eval_mode_hook import EvalModeHook
from .teacher_hook import TeacherHook

__all__ = ['CheckpointHook', 'EMAHook', 'EvalModeHook', 'TeacherHook']
