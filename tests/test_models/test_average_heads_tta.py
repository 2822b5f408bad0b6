import torch
from mmengine.model import BaseModel
from mmpretrain.structures import DataSample

from mmdeit.models import AverageHeadsTTA


class FakeClassifier(BaseModel):
    """What a TTA model wraps; its predictions are given here."""

    def forward(self):
        pass


def view(joint, cls=None, dist=None):
    sample = DataSample().set_gt_label(1).set_pred_score(joint)
    if cls is not None:
        sample.class_score = torch.tensor(cls)
        sample.distill_score = torch.tensor(dist)
    return sample


def test_every_prediction_is_averaged_over_the_views():
    tta = AverageHeadsTTA(module=FakeClassifier())
    merged, = tta.merge_preds([[
        view([.5, .5], [0., 1.], [1., 0.]),
        view([.25, .75], [.5, .5], [.5, .5]),
    ]])
    assert merged.pred_score.tolist() == [.375, .625]
    assert merged.class_score.tolist() == [.25, .75]
    assert merged.distill_score.tolist() == [.75, .25]
    assert merged.gt_label.item() == 1


def test_model_with_one_head():
    tta = AverageHeadsTTA(module=FakeClassifier())
    merged, = tta.merge_preds([[view([.5, .5]), view([0., 1.])]])
    assert merged.pred_score.tolist() == [.25, .75]
    assert 'class_score' not in merged
