"""Test-time augmentation that keeps what each head says."""
from mmpretrain.models.tta import AverageClsScoreTTA
from mmpretrain.structures import DataSample

from mmdeit.registry import MODELS


@MODELS.register_module()
class AverageHeadsTTA(AverageClsScoreTTA):
    """Averages the joint prediction over the views, and each head's own.

    mmpretrain's class averages ``pred_score`` alone and would leave the
    first view's scores to the heads.
    """

    def _merge_single_sample(self,
                             data_samples: list[DataSample]) -> DataSample:
        merged = super()._merge_single_sample(data_samples)
        for name in ('class_score', 'distill_score'):
            if name in data_samples[0]:
                scores = [sample.get(name) for sample in data_samples]
                merged.set_field(sum(scores) / len(scores), name)
        return merged
