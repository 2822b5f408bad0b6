from .ensemble import TeacherEnsemble
from .prepare import prepare_teacher
from .preprocessing import Preprocessing
from .teacher import Teacher
from .view import View

__all__ = [
    'Preprocessing', 'Teacher', 'TeacherEnsemble', 'View', 'prepare_teacher'
]
