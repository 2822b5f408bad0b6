"""Test-time augmentation for the scores of each head too."""
from mmpretrain.models.tta import AverageClsScoreTTA
from mmpretrain.structures import DataSample

from mmdeit.registry import MODELS


@MODELS.register_module()
class AverageHeadsTTA(AverageClsScoreTTA):
    """Average the joint prediction and each head's own over the views.

    mmpretrain's class averages ``pred_score`` alone and keeps each head's
    scores of the first view.
    """

    def _merge_single_sample(self,
                             data_samples: list[DataSample]) -> DataSample:
        merged = super()._merge_single_sample(data_samples)
        for name in ('class_score', 'distill_score'):
            if name in data_samples[0]:
                scores = [sample.get(name) for sample in data_samples]
                merged.set_field(sum(scores) / len(scores), name)
        return merged
