from mmdeit.checkpoints import allow_training_log

from .average_heads_tta import AverageHeadsTTA
from .batch_mixing import BatchMixing
from .data_preprocessor import ClsDataPreprocessor
from .deit_cls_head import DeiTClsHead
from .distillation_loss import DistillationLoss
from .distilled_classifier import DistilledClassifier
from .distilled_vision_transformer import DistilledVisionTransformer
from .regnety import RegNetY
from .simple_feature_pyramid import SimpleFeaturePyramid
from .vision_transformer import VisionTransformer

# In the tools of mmdet and mmseg only this import is ours, and since torch 2.6
# they cannot read the checkpoints that mmengine's own hook writes in training.
allow_training_log()

__all__ = [
    'AverageHeadsTTA', 'BatchMixing', 'ClsDataPreprocessor', 'DeiTClsHead',
    'DistillationLoss', 'DistilledClassifier', 'DistilledVisionTransformer',
    'RegNetY', 'SimpleFeaturePyramid', 'VisionTransformer'
]
