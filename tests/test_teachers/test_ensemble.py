import math

import pytest
import torch
from mmengine.registry import MODELS
from torch import nn

from mmdeit.models import DistillationLoss
from mmdeit.registry import MODELS as MMDEIT
from mmdeit.teachers import StudentSpec, TeacherEnsemble
from mmdeit.teachers.evaluation import ask

IMAGES = torch.zeros(1, 1, 2, 2)


@MODELS.register_module()
class Saying(nn.Module):
    """Answers any image with the same logits, and keeps what it saw."""

    def __init__(self, logits):
        super().__init__()
        self.logits = nn.Parameter(torch.tensor(logits))

    def forward(self, images):
        self.seen = images
        return self.logits.expand(len(images), -1)


def log(*probabilities):
    return [math.log(p) for p in probabilities]


def ensemble(*logits, **kwargs):
    return TeacherEnsemble(
        [dict(model=dict(type='Saying', logits=z)) for z in logits], **kwargs)


def test_mean_of_probabilities():
    both = ensemble(log(.7, .2, .1), log(.1, .2, .7), weights=[3, 1])
    assert both.weights == [.75, .25]
    assert torch.allclose(
        both(IMAGES).softmax(1), torch.tensor([[.55, .2, .25]]))


def test_equal_weights():
    both = ensemble(log(.7, .2, .1), log(.1, .2, .7))
    assert torch.allclose(both(IMAGES).exp(), torch.tensor([[.4, .2, .4]]))


def test_mean_of_logits():
    both = ensemble([0., 4., 2.], [4., 0., -2.], weights=[1, 3],
                    combine='logits')
    assert both(IMAGES).tolist() == [[3., 1., -1.]]


def test_vote():
    """Two weak voices against one that is sure."""
    three = ensemble(log(.4, .3, .3), log(.4, .3, .3), log(.01, .98, .01),
                     combine='vote')
    assert torch.allclose(
        three(IMAGES).softmax(1), torch.tensor([[2., 1., 0.]]) / 3, atol=1e-4)
    assert three(IMAGES).argmax() == 0


def test_tie_of_a_vote_goes_to_the_surer():
    members = log(.5, .3, .2), log(.1, .8, .1)
    for order in (members, members[::-1]):
        assert ensemble(*order, combine='vote')(IMAGES).argmax() == 1


def test_weights_of_a_vote():
    members = log(.6, .4), log(.6, .4), log(.1, .9)
    heavy = ensemble(*members, weights=[1, 1, 3], combine='vote')
    assert torch.allclose(
        heavy(IMAGES).exp(), torch.tensor([[.4, .6]]), atol=1e-4)


@pytest.mark.parametrize('combine', ['vote', 'probabilities', 'logits'])
def test_soft_loss_stays_finite(combine):
    """Also for a class without any vote or probability."""
    both = ensemble([0., 300., 0.], [0., 300., 0.], combine=combine)
    student = torch.zeros(1, 3, requires_grad=True)
    losses = DistillationLoss(mode='soft', tau=1.)(
        student, torch.tensor([0]), student, both(IMAGES))
    total = sum(losses.values())
    total.backward()
    assert total.isfinite() and student.grad.isfinite().all()


def test_each_member_has_its_own_preprocessing():
    both = TeacherEnsemble([
        dict(model=dict(type='Saying', logits=[0., 1.]),
             data_preprocessor=dict(mean=[mean], std=[2.]), input_size=size)
        for mean, size in ((4., 2), (0., 3))
    ])
    for member in both.members:
        member.bind(StudentSpec(2, mean=(10., ), std=(1., )))
    both(IMAGES)
    first, second = (member.network.seen for member in both.members)
    assert torch.equal(first, torch.full((1, 1, 2, 2), 3.))
    assert torch.allclose(second, torch.full((1, 1, 3, 3), 5.))


def test_each_member_has_its_own_classes():
    both = TeacherEnsemble([
        dict(model=dict(type='Saying', logits=[0., 4.])),
        dict(model=dict(type='Saying', logits=[2., 0., 6.]),
             class_mapping=[2, 0]),
    ], combine='logits')
    for member in both.members:
        member.bind(StudentSpec(2))
    assert both(IMAGES).tolist() == [[3., 3.]]


def test_a_member_of_other_classes_is_named():
    both = TeacherEnsemble([
        dict(model=dict(type='Saying', logits=[0.] * 2), name='good'),
        dict(model=dict(type='Saying', logits=[0.] * 5), name='odd'),
    ])
    for member in both.members:
        member.bind(StudentSpec(2))
    with pytest.raises(ValueError, match="teacher 'odd' has 5 classes, the st"
                       'udent 2: .* or set class_mapping'):
        for member in both.members:
            ask(member, IMAGES, 2)


def test_members_of_one_name_are_told_apart():
    three = ensemble([0.], [0.], [0.])
    assert [m.name for m in three.members] == [
        'Saying', 'Saying (2)', 'Saying (3)'
    ]


def test_is_frozen():
    assert not any(p.requires_grad for p in ensemble([0.]).parameters())


def test_is_built_by_its_name():
    cfg = dict(
        type='mmdeit.TeacherEnsemble',
        members=[dict(model=dict(type='Saying', logits=[0., 1.]))])
    assert len(MMDEIT.build(cfg).members) == 1


@pytest.mark.parametrize('kwargs, message', [
    (dict(weights=[1.]), r'2 members and the weights \[1.0\]'),
    (dict(weights=[1., 0.]), r'\[1.0, 0.0\]: .* a weight above 0 for each'),
    (dict(weights=[2., -1.]), 'a weight above 0 for each'),
    (dict(combine='median'), "combine='median': choose from"),
])
def test_bad_input(kwargs, message):
    with pytest.raises(ValueError, match=message):
        ensemble([0.], [0.], **kwargs)


def test_answers_of_low_precision_are_combined_in_float32():
    both = ensemble([0., 0.], [0., 0.], combine='logits', weights=[2, 1])
    low = [torch.tensor([[1., 100.]], dtype=torch.bfloat16),
           torch.tensor([[2., 101.]], dtype=torch.bfloat16)]
    assert both.combine(low).tolist() == [pytest.approx([4 / 3, 100 + 1 / 3])]


def test_without_members():
    with pytest.raises(ValueError, match='give members, and a weight'):
        TeacherEnsemble([])
