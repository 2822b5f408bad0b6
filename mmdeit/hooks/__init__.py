from .checkpoint_hook import CheckpointHook
from .teacher_hook import TeacherHook

__all__ = ['CheckpointHook', 'TeacherHook']
