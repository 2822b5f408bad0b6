"""Facts of the teacher's life cycle."""
from copy import deepcopy

import pytest
import torch
from mmengine.hooks import EMAHook, Hook
from mmengine.logging import MMLogger
from mmengine.registry import HOOKS, MODELS, RUNNERS
from torch.nn.modules.batchnorm import _BatchNorm

from mmdeit.hooks import TeacherHook


@HOOKS.register_module()
class SpyHook(Hook):
    """Looks at the teacher while the Runner trains."""
    priority = 'LOWEST'

    def before_train(self, runner):
        self.hook = next(h for h in runner.hooks if isinstance(h, TeacherHook))
        self.teacher = self.hook.teacher
        self.start = {
            k: v.clone()
            for k, v in self.teacher.state_dict().items()
        }
        self.inputs, self.seen, self.modes = [], [], []
        self.teacher.register_forward_pre_hook(self.look_at_teacher)
        runner.model.backbone.register_forward_pre_hook(self.look_at_student)

    def look_at_teacher(self, teacher, args):
        self.seen.append(args[0])
        self.modes += [m.training for m in teacher.modules()]
        assert not torch.is_grad_enabled()

    def look_at_student(self, backbone, args):
        if backbone.training:
            self.inputs.append(args[0])


def train(cfg, build_runner):
    cfg.default_hooks.spy = dict(type='SpyHook')
    runner = build_runner(cfg)
    runner.train()
    return runner, next(h for h in runner.hooks if isinstance(h, SpyHook))


def test_sees_exactly_the_students_mixed_batch_once(cfg, build_runner):
    runner, spy = train(cfg, build_runner)
    assert len(spy.seen) == len(spy.inputs) == runner.iter == 8
    assert all(a is b for a, b in zip(spy.seen, spy.inputs))
    # Normalised and mixed, not the raw image
    raw = runner.train_dataloader.dataset[0]['inputs']
    assert raw.dtype == torch.uint8 and spy.seen[0].min() < 0


def test_is_frozen_and_in_eval(cfg, build_runner):
    _, spy = train(cfg, build_runner)
    assert spy.modes and not any(spy.modes)
    assert any(isinstance(m, _BatchNorm) for m in spy.teacher.modules())
    for parameter in spy.teacher.parameters():
        assert not parameter.requires_grad and parameter.grad is None
    for name, value in spy.teacher.state_dict().items():
        assert torch.equal(value, spy.start[name]), name


def test_appears_in_no_checkpoint_ema_or_optimiser(cfg, build_runner):
    cfg.default_hooks.ema = dict(type='EMAHook')
    runner, spy = train(cfg, build_runner)
    student = set(runner.model.state_dict())
    checkpoint = torch.load(
        f'{cfg.work_dir}/epoch_2.pth', weights_only=True)
    assert set(checkpoint['state_dict']) == student
    ema = {k.removeprefix('module.') for k in checkpoint['ema_state_dict']}
    assert ema == student | {'steps'}
    optimised = {
        id(p)
        for group in runner.optim_wrapper.param_groups
        for p in group['params']
    }
    assert optimised == {id(p) for p in runner.model.parameters()}
    assert not optimised & {id(p) for p in spy.teacher.parameters()}


def test_ema_copies_no_hook(cfg, build_runner):
    """With the hook it would copy, and then run, the teacher."""
    cfg.default_hooks.ema = dict(type='EMAHook')
    runner, _ = train(cfg, build_runner)
    ema = next(h for h in runner.hooks if isinstance(h, EMAHook)).ema_model
    assert not ema.module.data_preprocessor._forward_hooks


def test_leaves_the_students_random_numbers_alone(cfg, build_runner):
    """They are the same with any teacher."""
    runner = build_runner(cfg)
    runner.train_loop  # noqa: B018  builds it
    hook, = [h for h in runner.hooks if isinstance(h, TeacherHook)]
    before = torch.get_rng_state()
    hook.before_train(runner)
    assert torch.equal(torch.get_rng_state(), before)


def test_runs_once_a_micro_batch(cfg, build_runner):
    cfg.optim_wrapper.accumulative_counts = 2
    runner, spy = train(cfg, build_runner)
    assert len(spy.seen) == runner.iter == 8


def test_is_let_go_after_training(cfg, build_runner):
    runner, spy = train(cfg, build_runner)
    assert spy.hook.teacher is None
    assert not runner.model.data_preprocessor._forward_hooks


@pytest.mark.parametrize('loop', ['val', 'test'])
def test_validation_and_test_never_build_it(cfg, build_runner, loop):
    cfg.default_hooks.teacher.teacher = dict(type='NoSuchModel')
    assert 'accuracy/top1' in getattr(build_runner(cfg), loop)()


def test_runs_under_the_students_autocast(cfg, build_runner):
    runner = build_runner(cfg)
    runner.train_loop  # noqa: B018  builds it
    hook = runner.hooks[[type(h) for h in runner.hooks].index(TeacherHook)]
    hook.before_train(runner)
    runner.model.train()
    batch = next(iter(runner.train_dataloader))
    with torch.autocast('cpu', torch.bfloat16):
        out = runner.model.data_preprocessor(batch, True)
    assert out['data_samples'].teacher_answer.dtype == torch.bfloat16


def test_logs_the_teachers_agreement(cfg, build_runner):
    runner, _ = train(cfg, build_runner)
    logged = runner.message_hub.get_scalar('train/teacher_agreement')
    assert len(logged.data[0]) == 8
    assert all(0 <= value <= 1 for value in logged.data[0])


def test_log_interval_of_old_configs_is_pointed_out(caplog):
    logger = MMLogger.get_current_instance()
    logger.addHandler(caplog.handler)
    TeacherHook(dict(), log_interval=50)
    logger.removeHandler(caplog.handler)
    assert 'log_interval is gone' in caplog.text


@pytest.mark.parametrize('preflight', [-5, 0.5, None])
def test_preflight_is_a_number_of_images(preflight):
    with pytest.raises(ValueError, match=f'preflight is {preflight}: give a n'):
        TeacherHook(dict(), preflight=preflight)


def fails_before_the_first_iteration(cfg, build_runner, error, match):
    runner = build_runner(cfg)
    with pytest.raises(error, match=match):
        runner.train()
    assert runner.iter == 0


def test_missing_checkpoint(cfg, build_runner):
    cfg.default_hooks.teacher.teacher.checkpoint = 'nowhere.pth'
    fails_before_the_first_iteration(
        cfg, build_runner, FileNotFoundError, 'no checkpoint at nowhere.pth: '
        'correct the path')


def test_corrupt_checkpoint(cfg, build_runner, teacher_file):
    teacher_file.write_bytes(teacher_file.read_bytes()[:1000])
    fails_before_the_first_iteration(
        cfg, build_runner, ValueError, 'teacher.pth is no checkpoint .* it is '
        'damaged')


def test_checkpoint_of_another_network(cfg, build_runner):
    cfg.default_hooks.teacher.teacher.model.backbone.depth = 34
    fails_before_the_first_iteration(
        cfg, build_runner, ValueError, 'does not hold the weights of this '
        'model')


def test_other_classes(cfg, build_runner, teacher_file):
    model = cfg.default_hooks.teacher.teacher.model
    model.head.num_classes = 5
    torch.save(MODELS.build(deepcopy(model)).state_dict(), teacher_file)
    fails_before_the_first_iteration(
        cfg, build_runner, ValueError,
        "teacher 'teacher' has 5 classes, the student 4")


def test_a_network_is_no_teacher(cfg, build_runner):
    hook = cfg.default_hooks.teacher
    hook.teacher = hook.teacher.model
    fails_before_the_first_iteration(
        cfg, build_runner, ValueError, 'ImageClassifier is no teacher: write '
        "teacher=dict.type='mmdeit.Teacher', model=")


def test_hook_without_distilling_head(cfg, build_runner):
    cfg.model.head.loss.mode = 'none'
    fails_before_the_first_iteration(
        cfg, build_runner, ValueError, 'TeacherHook: DeiTClsHead asks for '
        'no teacher')


def test_two_teachers(cfg, build_runner):
    """One of an old config, beside that of the recipe it builds on."""
    cfg.custom_hooks = [deepcopy(cfg.default_hooks.teacher)]
    fails_before_the_first_iteration(
        cfg, build_runner, ValueError, 'two teachers: write yours as')


def test_hook_without_a_classifier(cfg, build_runner):
    del cfg.model['head']
    fails_before_the_first_iteration(
        cfg, build_runner, ValueError, 'ImageClassifier asks for no teacher')


def test_head_without_hook(cfg, build_runner):
    del cfg.default_hooks.teacher
    fails_before_the_first_iteration(cfg, build_runner, ValueError,
                                     'mmdeit.TeacherHook')


def test_teacher_without_classifier(cfg, build_runner, teacher_file):
    model = cfg.default_hooks.teacher.teacher.model
    del model['head']
    teacher = MODELS.build(dict(model))
    torch.save(teacher.state_dict(), teacher_file)
    fails_before_the_first_iteration(
        cfg, build_runner, ValueError, 'with a tuple of shape .* give it its '
        'classifier')


def test_trains_in_the_flexible_runner(cfg):
    """As its optimiser is built by a strategy."""
    cfg.runner_type = 'FlexibleRunner'
    cfg.env_cfg = dict()
    cfg.strategy = dict(type='SingleDeviceStrategy')
    cfg.default_hooks.runtime_info = dict(type='mmdeit.RuntimeInfoHook')
    cfg.experiment_name = f'{cfg.work_dir}-flexible'
    runner = RUNNERS.build(cfg)
    runner.train()
    assert runner.iter == 8
    assert 'train/loss_distill' in runner.message_hub.log_scalars
