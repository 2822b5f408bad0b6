"""Answers that are none, and teachers that are worse than they should be."""
import pytest
import torch
from mmengine.registry import MODELS
from torch import nn

from mmdeit.teachers import StudentSpec, Teacher, TeacherEnsemble
from mmdeit.teachers.evaluation import _refusal, ask, evaluate

from .toy import SPEC

IMAGES = torch.zeros(2, 3, 16, 16)
ANSWERS = {
    'good': lambda n: torch.zeros(n, 8),
    'five': lambda n: torch.zeros(n, 5),
    'features': lambda n: torch.zeros(n, 8, 4, 4),
    'tuple': lambda n: (torch.zeros(n, 8), ),
    'nan': lambda n: torch.full((n, 8), float('nan')),
    'infinite': lambda n: torch.full((n, 8), float('inf')),
    'batch': lambda n: torch.zeros(1, 8),
    'flat': lambda n: torch.zeros(8),
    'nothing': lambda n: None,
}


@MODELS.register_module()
class Answering(nn.Module):
    """Gives one of these answers, to images of one size only if so told."""

    def __init__(self, answer, size=None, channels=None):
        super().__init__()
        self.answer, self.size, self.channels = answer, size, channels

    def forward(self, images):
        if self.size not in (None, images.size(-1)):
            raise RuntimeError(f'position embeddings\nare for {self.size}')
        if self.channels not in (None, images.size(1)):
            raise AssertionError
        return ANSWERS[self.answer](len(images))


def teacher_of(answer, **kwargs):
    settings = {k: kwargs.pop(k) for k in ('size', 'channels') if k in kwargs}
    return dict(
        model=dict(type='Answering', answer=answer, **settings),
        name='odd', **kwargs)


BAD = [
    (teacher_of('features'), r'2 images with a Tensor of shape \(2, 8, 4, 4\) '
     'instead of logits .* give it its classifier'),
    (teacher_of('tuple'), r'2 images with a tuple of shape \(\) instead'),
    (teacher_of('nothing'), 'with a NoneType of shape'),
    (teacher_of('batch'), r'with a Tensor of shape \(1, 8\) instead'),
    (teacher_of('flat'), r'with a Tensor of shape \(8,\) instead'),
    (teacher_of('nan'), "not finite: look for damaged weights, or set dtype='"),
    (teacher_of('infinite'), '2 of 2 images with numbers that are not fin'),
    (teacher_of('five'), 'has 5 classes, the student 8: give both the same'),
    (teacher_of('five', class_mapping=[4, 3, 2, 1, 0, 5, 6, 7]),
     'has 5 classes, but class_mapping asks for class 5: correct it'),
    (teacher_of('good', class_mapping=list(range(8)), class_names=['a', 'b']),
     'has 8 classes, but 2 class_names: give the name of each'),
    (teacher_of('good', class_mapping=[0, 1, 2, 3, 4, 5, 6, -1]),
     'asks for class -1'),
    (teacher_of('good', size=32),
     'fails on images of 3 channels and 16x16 pixels: set input_size to the '
     r'size that it was trained at \(position embeddings are for 32\)'),
    (teacher_of('good', channels=1),
     r'of 3 channels and 16x16 pixels: .* \(AssertionError\)'),
    *((teacher_of('good', input_size=size), 'of 3 channels and 16x16 pixels: '
       'set input_size to') for size in (0, -4, 'large', (4, 0), 2.5)),
]


@pytest.mark.parametrize('config, message', BAD)
def test_an_odd_answer(config, message):
    teacher = Teacher(**config)
    teacher.bind(SPEC)
    with pytest.raises(ValueError, match=f"teacher 'odd' .*{message}") as error:
        ask(teacher, IMAGES, 8)
    assert '\n' not in str(error.value)


@pytest.mark.parametrize('config', [
    teacher_of('good'),
    teacher_of('good', size=32, input_size=32),
    teacher_of('five', class_mapping=[4, 3, 2]),
])
def test_good_ones_pass(config):
    teacher = Teacher(**config)
    num_classes = len(config.get('class_mapping', range(8)))
    teacher.bind(StudentSpec(num_classes, (0., ) * 3, (1., ) * 3))
    assert ask(teacher, IMAGES, num_classes).shape == (2, num_classes)


def test_a_compiler_that_fails(monkeypatch):

    def no_compiler(network):
        raise RuntimeError('no C++ compiler')

    teacher = Teacher(**teacher_of('good'))
    teacher.bind(SPEC)
    monkeypatch.setattr(torch, 'compile', lambda network: no_compiler)
    teacher.set_execution(teacher.executions[0].__class__(compile=True))
    with pytest.raises(ValueError, match='or compile=False .no C.. compiler'):
        ask(teacher, IMAGES, 8)


@MODELS.register_module()
class RightUpTo(nn.Module):
    """Knows the first ``right`` of every ten images, which are numbers.

    Its answers to the images from ``nan`` on are not finite.
    """

    def __init__(self, right, nan=10**6):
        super().__init__()
        self.right, self.nan = right, nan

    def forward(self, images):
        number = images[:, 0, 0, 0].long()
        known = number % 10 < self.right
        answer = torch.where(known, number % 4, (number + 1) % 4)
        logits = 5. * nn.functional.one_hot(answer, 4)
        logits[number >= self.nan] = float('nan')
        return logits


def member(right, nan=10**6, **kwargs):
    return dict(
        model=dict(type='RightUpTo', right=right, nan=nan),
        name=f'r{right}',
        **kwargs)


def batches(length):
    """Images that are their numbers; the class is the number modulo 4."""
    numbers = torch.arange(length)
    images = numbers.float()[:, None, None, None].expand(-1, 1, 1, 1)
    return list(zip(images.split(64), (numbers % 4).split(64)))


def test_table():
    ensemble = TeacherEnsemble(
        [member(9, expected_accuracy=91.5), member(7), member(6)])
    table = evaluate(ensemble, batches(100), 4)
    lines = [line.strip('│┃') for line in table.splitlines()
             if line.startswith(('│', '┃'))]
    rows = [[cell.strip() for cell in line.replace('┃', '│').split('│')]
            for line in lines]
    assert table.splitlines()[0].strip() == 'Teacher on 100 held-out images'
    assert rows == [
        ['teacher', 'top-1, %', 'expected', 'chance'],
        ['r9', '90.00', '91.50', '25.00'],
        ['r7', '70.00', '', '25.00'],
        ['r6', '60.00', '', '25.00'],
        # Where two are wrong they agree.
        ['ensemble', '70.00', '', '25.00'],
    ]


def test_the_member_at_fault_is_named():
    ensemble = TeacherEnsemble([member(9), member(2)])
    for teacher in ensemble.members:
        teacher.bind(StudentSpec(4))
    with pytest.raises(ValueError, match="teacher 'r2' has 20.00 top-1 on 200 "
                       'held-out images, chance is 25.00: '):
        evaluate(ensemble, batches(200), 4)


def test_numbers_that_are_not_finite():
    """They may come late, and leave the accuracy as it is."""
    ensemble = TeacherEnsemble([member(8), member(9, nan=97)])
    with pytest.raises(ValueError, match="teacher 'r9' answers 3 of 36 images "
                       'with numbers that are not finite: look for'):
        evaluate(ensemble, batches(100), 4)


def test_a_size_that_it_cannot_take(monkeypatch):
    """In validation the images may have another than in training."""

    def fail(self, images):
        raise RuntimeError('position embeddings')

    monkeypatch.setattr(RightUpTo, 'forward', fail)
    with pytest.raises(ValueError, match="teacher 'r9' fails on images of 1 "
                       r'channels and 1x1 pixels: .*\(position embeddings'):
        evaluate(TeacherEnsemble([member(9)]), batches(100), 4)


def test_any_member_in_train_mode_is_found():
    awake = dict(
        model=dict(type='ToyClassifier', num_classes=4, awake='dropout'),
        name='awake')
    ensemble = TeacherEnsemble([awake, awake])
    ensemble.members[0].network.awake = None
    images = torch.randn(64, 3, 16, 16)
    labels = ensemble.members[0](images).argmax(dim=1)
    with pytest.raises(ValueError, match=r"'awake \(2\)' is in train mode"):
        evaluate(ensemble, [(images, labels)], 4)


def test_diagnosed_by_the_first_images(monkeypatch):
    seen = []
    monkeypatch.setattr(
        'mmdeit.teachers.evaluation.diagnose',
        lambda teacher, inputs, labels: seen.append(inputs.flatten().tolist()))
    with pytest.raises(ValueError, match='on 600 held-out images, chance'):
        evaluate(TeacherEnsemble([member(1)]), batches(600), 4)
    assert seen == [list(range(512))]


@pytest.mark.parametrize('accuracy, expected, num_images, refused', [
    # 3 * sqrt(.9 * .1 / 100) = 0.09
    (.82, 90., 100, ''),
    (.80, 90., 100, 'expected are 90.00'),
    # 3 * sqrt(.9 * .1 / 10000) = 0.009
    (.892, 90., 10000, ''),
    (.89, 90., 10000, 'has 89.00 top-1 on 10000 held-out images, expected'),
    (1., 100., 16, ''),
    (.99, 50., 100, ''),
    # .25 + 5 * sqrt(.25 * .75 / 300) = 0.375
    (.38, None, 300, ''),
    (.37, None, 300, 'chance is 25.00'),
    (.37, 37., 300, 'held-out images, chance is 25.00'),
    # Too few for five deviations: halfway from 0.25 to 1
    (.75, None, 8, ''),
    (.625, None, 8, ', too few to be sure (preflight=0 trusts it), chance is'),
])
def test_thresholds_by_hand(accuracy, expected, num_images, refused):
    reason = _refusal(accuracy, expected, num_images, num_classes=4)
    assert (refused in reason) if refused else reason == ''
