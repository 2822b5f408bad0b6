"""Each member that does not answer is named, before the first iteration."""
import pytest
import torch
from mmengine.registry import MODELS
from torch import nn

from mmdeit.teachers import StudentSpec, Teacher, TeacherEnsemble
from mmdeit.teachers.check_answer import check_answer

from .toy import SPEC, make_config

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
    (teacher_of('infinite'), 'numbers that are not finite'),
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
]


@pytest.mark.parametrize('config, message', BAD)
def test_an_odd_member_is_named(config, message):
    ensemble = TeacherEnsemble(
        [dict(model=dict(type='Answering', answer='good'), name='a'), config])
    for member in ensemble.members:
        member.bind(SPEC)
    with pytest.raises(ValueError, match=f"teacher 'odd' .*{message}") as error:
        check_answer(ensemble, IMAGES, 8)
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
    check_answer(teacher, IMAGES, num_classes)


def test_a_compiler_that_fails(monkeypatch):

    def no_compiler(network):
        raise RuntimeError('no C++ compiler')

    teacher = Teacher(**teacher_of('good'))
    teacher.bind(SPEC)
    monkeypatch.setattr(torch, 'compile', lambda network: no_compiler)
    teacher.set_execution(teacher.executions[0].__class__(compile=True))
    with pytest.raises(ValueError, match='or compile=False .no C.. compiler'):
        check_answer(teacher, IMAGES, 8)


@pytest.mark.parametrize('config, message', [BAD[0], BAD[5], BAD[8], BAD[11]])
def test_stops_before_the_first_iteration(config, message, tmp_path,
                                          build_runner):
    cfg = make_config(tmp_path)
    cfg.custom_hooks[0].teacher = dict(type='mmdeit.Teacher', **config)
    runner = build_runner(cfg)
    with pytest.raises(ValueError, match=f"teacher 'odd' .*{message}"):
        runner.train()
    assert runner.iter == 0
