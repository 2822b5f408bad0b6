import pytest
import torch
from mmengine.registry import MODELS
from torch import nn

from mmdeit.teachers import StudentSpec, TeacherEnsemble
from mmdeit.teachers.preflight import _refusal, preflight, read_batches

from .toy import SPEC, STUDENT, ToyImages, fit_teacher, teacher_config


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


@pytest.fixture
def preprocessor():
    return MODELS.build(dict(type='mmpretrain.ClsDataPreprocessor', **STUDENT))


def test_table():
    ensemble = TeacherEnsemble(
        [member(9, expected_accuracy=91.5), member(7), member(6)])
    table = preflight(ensemble, batches(100), 4)
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
        preflight(ensemble, batches(200), 4)


def test_numbers_that_are_not_finite():
    """They may come late, and leave the accuracy as it is."""
    ensemble = TeacherEnsemble([member(8), member(9, nan=97)])
    with pytest.raises(ValueError, match="teacher 'r9' answers 3 of 100 held-o"
                       'ut images with numbers that are not finite: look for'):
        preflight(ensemble, batches(100), 4)


def test_a_size_that_it_cannot_take(monkeypatch):
    """In validation the images may have another than in training."""

    def fail(self, images):
        raise RuntimeError('position embeddings')

    monkeypatch.setattr(RightUpTo, 'forward', fail)
    with pytest.raises(ValueError, match="teacher 'r9' fails on images of 1 "
                       r'channels and 1x1 pixels: .*\(position embeddings'):
        preflight(TeacherEnsemble([member(9)]), batches(100), 4)


def test_any_member_in_train_mode_is_found():
    awake = dict(
        model=dict(type='ToyClassifier', num_classes=4, awake='dropout'),
        name='awake')
    ensemble = TeacherEnsemble([awake, awake])
    ensemble.members[0].network.awake = None
    images = torch.randn(64, 3, 16, 16)
    labels = ensemble.members[0](images).argmax(dim=1)
    with pytest.raises(ValueError, match=r"teacher 'awake \(2\)': train mode"):
        preflight(ensemble, [(images, labels)], 4)


def test_diagnosed_by_the_first_images(monkeypatch):
    seen = []
    monkeypatch.setattr(
        'mmdeit.teachers.preflight.diagnose',
        lambda teacher, inputs, labels: seen.append(inputs.flatten().tolist()))
    with pytest.raises(ValueError, match='on 600 held-out images, chance'):
        preflight(TeacherEnsemble([member(1)]), batches(600), 4)
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


def test_images_from_all_over_the_dataset(preprocessor):
    dataset = ToyImages(0, 100)
    inputs, labels = next(read_batches(dataset, preprocessor, 10))
    taken = [dataset[i] for i in range(0, 100, 10)]
    expected = sorted(
        int(sample['data_samples'].gt_label) for sample in taken)
    assert sorted(labels.tolist()) == expected
    mean, std = (torch.tensor(STUDENT[k])[:, None, None]
                 for k in ('mean', 'std'))
    assert sorted(inputs.sum(dim=(1, 2, 3)).tolist()) == pytest.approx(
        sorted(((sample['inputs'].float() - mean) / std).sum().item()
               for sample in taken))


def test_all_images_where_there_are_fewer(preprocessor):
    sizes = [len(x) for x, _ in read_batches(
        ToyImages(0, 70), preprocessor, 512)]
    assert sizes == [64, 6]


def test_the_first_images_stand_for_all(preprocessor):
    """The order is mixed, and always the same."""
    first, again = (next(read_batches(ToyImages(0, 512), preprocessor, 512))
                    for _ in range(2))
    assert torch.equal(first[0], again[0])
    assert first[1].tolist() != [i % 8 for i in range(64)]
    assert first[1].unique().tolist() == list(range(8))


def test_passes_at_any_number_of_images(tmp_path, preprocessor):
    fit_teacher(tmp_path / 'toy.pth')
    teacher = MODELS.build(
        teacher_config(tmp_path / 'toy.pth', expected_accuracy=91.))
    teacher.bind(SPEC)
    for count in (8, 16, 65):
        images = read_batches(ToyImages(1000), preprocessor, count)
        assert f'on {count} held-out' in preflight(teacher, images, 8)
