from .checkpoint_hook import CheckpointHook
from .ema_hook import EMAHook
from .teacher_hook import TeacherHook

__all__ = ['CheckpointHook', 'EMAHook', 'TeacherHook']
