from .ensemble import TeacherEnsemble
from .exported_classifier import ExportedClassifier
from .hugging_face_classifier import HuggingFaceClassifier
from .prepare import prepare_teacher
from .preprocessing import Preprocessing
from .teacher import Teacher
from .timm_classifier import TimmClassifier
from .torchvision_classifier import TorchvisionClassifier
from .view import View

__all__ = [
    'ExportedClassifier', 'HuggingFaceClassifier', 'Preprocessing', 'Teacher',
    'TeacherEnsemble', 'TimmClassifier', 'TorchvisionClassifier', 'View',
    'prepare_teacher'
]
