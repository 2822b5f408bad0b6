from .check import check_cache
from .teacher_cache import TeacherCache, open_cache, read_index

__all__ = ['TeacherCache', 'check_cache', 'open_cache', 'read_index']
