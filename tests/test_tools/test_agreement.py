import pytest
import torch

from .test_analyze_agreement import DISTILLED, build, module  # noqa: F401


@pytest.fixture
def agreement(module):  # noqa: F811
    return module('agreement')


def test_disagreement(agreement):
    rates = agreement.disagreement(
        torch.tensor([[0, 1, 2, 3], [0, 1, 2, 0], [1, 1, 3, 0]]))
    assert rates.tolist() == [[0, .25, .75], [.25, 0, .5], [.75, .5, 0]]


def test_token_cosine(agreement):
    tokens = torch.zeros(3, 4, 2)  # two images more than (1, 0) and (0, 1)
    tokens[:, 0, 0] = 1
    tokens[0, 1] = torch.tensor([0., 5.])
    tokens[1, 1] = torch.tensor([3., 4.])
    tokens[2, 1] = torch.tensor([-2., 0.])
    assert agreement.token_cosine(tokens).tolist() == pytest.approx(
        [0, .6, -1])


def test_token_cosine_of_low_precision(agreement):
    torch.manual_seed(0)
    tokens = torch.randn(4, 2, 64).bfloat16()
    assert torch.equal(
        agreement.token_cosine(tokens), agreement.token_cosine(tokens.float()))


def test_token_cosines_are_means_over_images(agreement):
    """They equal those of the tokens that the backbone returns."""
    backbone = build(DISTILLED).backbone
    backbone.out_indices = range(len(backbone.layers))
    watch = agreement.TokenCosines(backbone)
    images = torch.randn(5, 1, 28, 28)
    with torch.no_grad():
        layers = [backbone(batch) for batch in images.split(2)]
    cosines = watch.finish()
    assert list(cosines) == ['input', '1', '2', '3', '4', '5', '6', 'output']

    def cosine(a, b):
        cosines = (a * b).sum(-1) / (a.norm(dim=-1) * b.norm(dim=-1))
        return cosines.mean().item()

    *middle, _, output = list(cosines.values())[1:]
    pairs = [[torch.cat(token) for token in zip(*pairs)]
             for pairs in zip(*layers)]
    assert [*middle, output] == pytest.approx([cosine(*p) for p in pairs],
                                              abs=1e-6)
    assert cosines['input'] == pytest.approx(
        cosine(backbone.cls_token, backbone.dist_token), abs=1e-6)
    backbone(images)
    assert watch.count == 5  # no longer watching


def test_decisions_of_each_head(agreement):
    student = build(DISTILLED)
    images = torch.randn(16, 1, 28, 28)
    with torch.no_grad():
        decisions = agreement.decide(student, images)
        predictions = student.predict(images)
    for name, field in (('class', 'class_score'), ('distillation',
                                                   'distill_score'),
                        ('joint', 'pred_score')):
        assert decisions[name].tolist() == [
            int(p.get(field).argmax()) for p in predictions
        ]
