"""The examination inside a training."""
import pytest
import torch
from mmengine.hooks import Hook
from mmengine.optim import OptimWrapper
from mmengine.registry import HOOKS

from mmdeit.teachers import Teacher, prepare
from mmdeit.utils import keep_random_state

from .toy import CLASSES, IMAGENET, ToyClassifier, ToyImages, make_config

WRONG = {**IMAGENET, 'to_rgb': False}


@HOOKS.register_module()
class LossesHook(Hook):
    """Keeps the losses."""

    def before_train(self, runner):
        self.losses = []

    def after_train_iter(self, runner, batch_idx, data_batch=None,
                         outputs=None):
        self.losses.append({k: v.item() for k, v in outputs.items()})


def train(cfg, build_runner):
    runner = build_runner(cfg)
    hook = LossesHook()
    runner.register_hook(hook)
    runner.train()
    return runner, hook.losses


def test_a_good_teacher_passes(tmp_path, build_runner, capfd):
    runner, losses = train(
        make_config(tmp_path, expected_accuracy=91.4), build_runner)
    output = capfd.readouterr()
    output = output.out + output.err
    assert "Teacher toy: the student's dtype, channels first" in output
    assert 'Teacher on 128 held-out images' in output
    assert '89.84 │    91.40 │  12.50' in output
    assert runner.iter == len(losses) == 2


def test_a_wrong_teacher_stops_it(tmp_path, build_runner):
    runner = build_runner(
        make_config(tmp_path, expected_accuracy=91.4))
    hook = runner.hooks[[type(h).__name__ for h in runner.hooks].index(
        'TeacherHook')]
    hook.teacher_cfg['data_preprocessor'] = WRONG
    with pytest.raises(ValueError, match="teacher 'toy' has 46.09 top-1 on 128 "
                       'held-out images, expected are 91.40: channel order'):
        runner.train()
    assert runner.iter == 0


def test_zero_images_trust_it(tmp_path, build_runner, capfd):
    cfg = make_config(tmp_path, expected_accuracy=91.4)
    cfg.custom_hooks[0].preflight = 0
    cfg.custom_hooks[0].teacher.data_preprocessor = WRONG
    runner, _ = train(cfg, build_runner)
    assert runner.iter == 2
    assert 'held-out' not in capfd.readouterr().out


def test_without_validation_it_warns_and_goes_on(tmp_path, build_runner,
                                                 capfd):
    cfg = make_config(tmp_path)
    cfg.val_dataloader = cfg.val_evaluator = cfg.val_cfg = None
    runner, _ = train(cfg, build_runner)
    output = capfd.readouterr()
    assert ('The teacher is not evaluated before training: there is no '
            'validation dataset.') in output.out + output.err
    assert runner.iter == 2


@pytest.mark.parametrize('changes', [{}, dict(channels_last='auto')])
def test_leaves_the_random_numbers_alone(tmp_path, build_runner, changes):
    losses = []
    for preflight in (0, 128):
        cfg = make_config(tmp_path)
        cfg.custom_hooks[0].preflight = preflight
        cfg.custom_hooks[0].teacher.update(changes)
        losses.append(train(cfg, build_runner)[1])
    assert losses[0] == losses[1]
    assert losses[0][0] != losses[0][1]


def test_even_where_a_dataset_draws_some(tmp_path, build_runner, monkeypatch):
    """As random crops do."""
    take = ToyImages.__getitem__

    def draw(self, index):
        torch.rand(7)
        return take(self, index)

    monkeypatch.setattr(ToyImages, '__getitem__', draw)
    test_leaves_the_random_numbers_alone(tmp_path, build_runner, {})


def test_runs_in_the_precision_of_the_student(tmp_path, build_runner,
                                              monkeypatch):
    """Examined as it will be asked."""
    cfg = make_config(tmp_path)
    seen = []
    forward = ToyClassifier.forward

    def look(self, images):
        seen.append(torch.is_autocast_cpu_enabled())
        return forward(self, images)

    monkeypatch.setattr(ToyClassifier, 'forward', look)
    monkeypatch.setattr(
        OptimWrapper, 'optim_context',
        lambda self, model: torch.autocast('cpu', torch.bfloat16))
    train(cfg, build_runner)
    assert len(seen) > 4 and all(seen)


def test_the_other_processes_hear_the_verdict(tmp_path, build_runner,
                                              monkeypatch):
    """And examine nothing themselves."""

    def hear(verdict):
        verdict[0] = 'teacher refused'

    monkeypatch.setattr(prepare, 'is_main_process', lambda: False)
    monkeypatch.setattr(prepare, 'broadcast_object_list', hear)
    monkeypatch.setattr(prepare, 'preflight', None)
    runner = build_runner(make_config(tmp_path))
    with pytest.raises(ValueError, match='^teacher refused$'):
        runner.train()


def test_the_others_hear_of_images_that_cannot_be_read(
        tmp_path, build_runner, monkeypatch):
    verdicts = []
    take = ToyImages.__getitem__

    def fail(self, index):
        if self.start == 1000:  # those for validation
            raise OSError('a damaged image')
        return take(self, index)

    monkeypatch.setattr(ToyImages, '__getitem__', fail)
    monkeypatch.setattr(prepare, 'broadcast_object_list', verdicts.append)
    with pytest.raises(OSError, match='a damaged image'):
        build_runner(make_config(tmp_path)).train()
    assert verdicts == [['a damaged image']]


def test_classes_by_the_names_of_the_dataset(tmp_path, build_runner, capfd):
    names = list(CLASSES)
    train(make_config(tmp_path, class_mapping='name', class_names=names),
          build_runner)
    assert '89.84' in capfd.readouterr().out
    names[0] = 'background'
    runner = build_runner(
        make_config(tmp_path, class_mapping='name', class_names=names))
    with pytest.raises(ValueError, match="'red narrow' is none of the teacher"):
        runner.train()


def test_speed_is_measured_on_a_batch(tmp_path, build_runner, monkeypatch):
    shapes = []
    monkeypatch.setattr(
        Teacher, 'tune',
        lambda self, inputs: shapes.append(tuple(inputs.shape)) or 'tuned')
    cfg = make_config(tmp_path)
    cfg.train_dataloader.batch_size = 32
    train(cfg, build_runner)
    assert shapes == [(16, 3, 16, 16)]


def test_keep_random_state():
    torch.manual_seed(0)
    with keep_random_state():
        torch.rand(3)
    after = torch.rand(3)
    torch.manual_seed(0)
    assert torch.equal(after, torch.rand(3))
