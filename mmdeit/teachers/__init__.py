from .ensemble import TeacherEnsemble
from .exported_classifier import ExportedClassifier
from .hugging_face_classifier import HuggingFaceClassifier
from .preprocessing import Preprocessing, StudentSpec
from .teacher import Teacher
from .timm_classifier import TimmClassifier
from .torchvision_classifier import TorchvisionClassifier

__all__ = [
    'ExportedClassifier', 'HuggingFaceClassifier', 'Preprocessing',
    'StudentSpec', 'Teacher', 'TeacherEnsemble', 'TimmClassifier',
    'TorchvisionClassifier'
]
