from .teacher_cache import TeacherCache, open_cache

__all__ = ['TeacherCache', 'open_cache']
