from .average_heads_tta import AverageHeadsTTA
from .deit_cls_head import DeiTClsHead
from .distillation_loss import DistillationLoss
from .distilled_classifier import DistilledClassifier
from .distilled_vision_transformer import DistilledVisionTransformer
from .regnety import RegNetY
from .simple_feature_pyramid import SimpleFeaturePyramid
from .vision_transformer import VisionTransformer

__all__ = [
    'AverageHeadsTTA', 'DeiTClsHead', 'DistillationLoss',
    'DistilledClassifier', 'DistilledVisionTransformer', 'RegNetY',
    'SimpleFeaturePyramid', 'VisionTransformer'
]
