"""One stream of views and one training, on any number of processes."""
import socket
from copy import deepcopy

import pytest
import torch
from mmengine.registry import MODELS, init_default_scope

from tests.conftest import TEACHER
from tests.pictures import write_pictures
from tests.processes import run_on
from tests.recipe import BATCH, assert_same, recipe

# processes, and how many images each takes at once
SHARES = {'one': (1, 16), 'two': (2, 8), 'four': (4, 4), 'two-twice': (2, 4)}


class Trainings:
    """Distillations by a teacher's labels, that write down what they see."""

    def __init__(self, folder):
        self.folder = folder
        teacher = deepcopy(TEACHER)
        teacher['backbone']['in_channels'] = 3
        init_default_scope('mmpretrain')
        torch.manual_seed(1)
        torch.save(dict(state_dict=MODELS.build(deepcopy(teacher)).state_dict()),
                   folder / 'teacher.pth')
        # Stochastic depth is drawn by each process for its own views.
        cfg = recipe(
            write_pictures(folder / 'pictures', 48), drop_path_rate=0.,
            custom_hooks=[dict(type='RecordViewsHook')])
        cfg.model.head.loss.mode = 'hard'
        cfg.default_hooks.teacher = dict(
            type='mmdeit.TeacherHook',
            teacher=dict(
                type='mmdeit.Teacher', model=teacher,
                checkpoint=str(folder / 'teacher.pth')),
            preflight=0)
        cfg.dump(folder / 'config.py')

    def run(self, name, share, *options):
        """Train on a number of processes, and put together what each saw."""
        number, batch_size = SHARES[share]
        with socket.socket() as server:
            server.bind(('127.0.0.1', 0))
            port = str(server.getsockname()[1])
        run_on(number, port, 'tools/train.py', self.folder / 'config.py',
               '--work-dir', self.folder / name, *options, '--cfg-options',
               f'train_dataloader.batch_size={batch_size}')
        seen = [torch.load(self.folder / name / f'rank{rank}.pt',
                           weights_only=True) for rank in range(number)]
        views = [view for record in seen for view in record['views']]
        assert len(views) == len(set(views))
        return dict(
            views={view: record['views'][view]
                   for record in seen for view in record['views']},
            losses=torch.tensor([record['losses'] for record in seen]).mean(0))


@pytest.fixture(scope='module')
def trainings(tmp_path_factory):
    return Trainings(tmp_path_factory.mktemp('trainings'))


@pytest.fixture(scope='module')
def whole(trainings):
    """What the trainings saw."""
    return {name: trainings.run(name, name) for name in SHARES}


def assert_close(losses, expected):
    torch.testing.assert_close(losses, expected, rtol=1e-6, atol=0)


@pytest.mark.parametrize('share', [*SHARES][1:])
def test_processes_see_what_one_does(share, whole):
    """Pixels, labels, mixed targets and the teacher's answers, exactly."""
    one = whole['one']
    assert len(one['views']) == 9 * BATCH and len(one['losses']) == 9
    assert len(one['views'][0, 0, 0]) == 4
    assert_same(whole[share]['views'], one['views'])
    assert_close(whole[share]['losses'], one['losses'])


@pytest.mark.parametrize('before, after', [('two', 'one'), ('one', 'two')])
def test_resumed_on_another_number(before, after, whole, trainings):
    """In the middle of an epoch of three iterations."""
    checkpoint = trainings.folder / before / 'iter_4.pth'
    rest = trainings.run(f'{before}-to-{after}', after, '--resume', checkpoint)
    assert_same(rest['views'], {
        view: seen for view, seen in whole[before]['views'].items()
        if view[1:] >= (1, BATCH)})
    assert_close(rest['losses'], whole[before]['losses'][4:])
