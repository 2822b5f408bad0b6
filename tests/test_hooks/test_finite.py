"""What is not finite stops the run, and is not saved."""
import math
from copy import deepcopy
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
from mmengine.hooks import Hook
from mmengine.registry import HOOKS

from mmdeit.checkpoints import not_finite
from mmdeit.hooks import EMAHook, TeacherHook, finite
from mmdeit.hooks.finite import GRADIENT, PATIENCE, LossWatch, stop_everywhere
from mmdeit.hooks.runtime_info_hook import gradient_norm
from mmdeit.utils import unwrap_model

NAN = math.nan
REMEDIES = 'lower optim_wrapper.optimizer.lr, train in bfloat16 or float32'


@HOOKS.register_module()
class PoisonHook(Hook):
    """Puts a number that is not finite somewhere, in the sixth iteration."""
    priority = 'VERY_HIGH'

    def __init__(self, where, value=NAN):
        self.where = where
        self.value = value

    def before_train_iter(self, runner, batch_idx, data_batch=None):
        if runner.iter == 5:
            getattr(self, self.where)(runner)

    def after_train_iter(self, runner, batch_idx, data_batch=None,
                         outputs=None):
        if runner.iter == 5:
            {'weight': self.put_weight, 'moment': self.put_moment,
             'average': self.put_average}.get(self.where, id)(runner)

    weight = moment = average = lambda self, runner: None

    def loss(self, runner):
        head, value = unwrap_model(runner.model).head, self.value
        own = head.loss_module.base_loss.forward
        head.loss_module.base_loss.forward = (
            lambda *args, **kwargs: own(*args, **kwargs) * value)

    def gradient(self, runner):
        unwrap_model(runner.model).backbone.cls_token.register_hook(
            lambda grad: grad * self.value)

    def teacher(self, runner):
        hook, = [h for h in runner.hooks if isinstance(h, TeacherHook)]
        own = hook.teacher.execute
        hook.teacher.execute = lambda inputs: own(inputs) * self.value

    def buffer(self, runner):
        unwrap_model(runner.model).backbone.register_buffer(
            'running_mean', torch.full((2, ), self.value))

    def put_weight(self, runner):
        unwrap_model(runner.model).backbone.cls_token.data[..., 0] = self.value

    def put_moment(self, runner):
        optimizer = runner.optim_wrapper.optimizer
        state = optimizer.state[unwrap_model(runner.model).backbone.cls_token]
        state['exp_avg_sq'][..., 0] = self.value

    def put_average(self, runner):
        hook, = [h for h in runner.hooks if isinstance(h, EMAHook)]
        hook.ema_model.module.backbone.cls_token.data[..., 0] = self.value


@pytest.fixture
def stops(cfg, build_runner):
    """Train until something is not finite; the line, and what is saved."""
    cfg.default_hooks.runtime_info = dict(type='mmdeit.RuntimeInfoHook')
    cfg.default_hooks.logger.interval = 100  # read at the ends of epochs

    def stops(where, value=NAN, **changes):
        if where != 'teacher':
            cfg.model.head.loss.mode = 'none'
            del cfg.default_hooks.teacher
        if 'default_hooks.checkpoint.save_best' not in changes:
            cfg.val_cfg = cfg.val_dataloader = cfg.val_evaluator = None
        cfg.default_hooks.poison = dict(
            type='PoisonHook', where=where, value=value)
        cfg.merge_from_dict(deepcopy(changes))
        with pytest.raises(ValueError) as error:
            build_runner(cfg).train()
        assert '\n' not in str(error.value)
        kept = sorted(Path(cfg.work_dir).glob('*.pth'))
        for path in kept:
            content = torch.load(path, weights_only=True)
            assert not not_finite({key: content[key] for key in (
                'state_dict', 'optimizer') if key in content})
        return str(error.value), [path.name for path in kept]

    return stops


IN_ITERATIONS = {
    'train_cfg': dict(by_epoch=False, max_iters=8, _delete_=True),
    'default_hooks.checkpoint': dict(by_epoch=False, interval=2)
}


@pytest.mark.parametrize('where, value, message', [
    ('loss', NAN, f'iteration 6: loss_cls is nan: {REMEDIES}'),
    ('loss', math.inf, f'iteration 6: loss_cls is inf: {REMEDIES}'),
    ('gradient', NAN, f'iteration 6: the norm of the gradient is nan: '
     f'{REMEDIES}'),
    ('teacher', NAN, "iteration 6: the answer of the teacher 'teacher' "),
    ('weight', NAN, 'iteration 7: loss_cls is nan: '),
    ('moment', math.inf, 'iteration 8: not finite in optimizer.state.0.'
     f'exp_avg_sq, so nothing is saved: {REMEDIES}'),
])
def test_training_stops_before_anything_is_saved(stops, where, value, message):
    line, kept = stops(where, value)
    assert line.startswith(message)
    assert line.endswith('--resume continues from ' + line.split()[-1])
    assert line.endswith('epoch_1.pth') and kept == ['epoch_1.pth']


@pytest.mark.parametrize('where, message', [
    ('loss', 'iteration 6: loss_cls is nan'),
    ('weight', 'iteration 6: not finite in backbone.cls_token, so nothing'),
    ('buffer', 'iteration 6: not finite in backbone.running_mean'),
])
def test_so_does_one_that_counts_iterations(stops, where, message):
    line, kept = stops(where, **IN_ITERATIONS)
    assert line.startswith(message) and line.endswith('iter_4.pth')
    assert kept == ['iter_2.pth', 'iter_4.pth']


def test_the_average_is_checked(cfg, stops):
    cfg.default_hooks.ema = dict(
        type='mmdeit.EMAHook', evaluate_on_ema=False, evaluate_on_origin=True)
    line, kept = stops('average')
    assert line.startswith('iteration 8: not finite in the average of back')
    assert kept == ['epoch_1.pth']


def test_the_best_is_checked(cfg, stops):
    """Without any other checkpoint."""
    line, kept = stops(
        'moment', math.inf, **{
            'default_hooks.checkpoint.save_best': 'accuracy/top1',
            'default_hooks.checkpoint.interval': -1,
            'default_hooks.checkpoint.save_last': False,
        })
    assert 'exp_avg_sq, so nothing is saved' in line
    assert len(kept) == 1 and kept[0].startswith('best_accuracy_top1_epoch_1')


@pytest.mark.parametrize('where', ['weight', 'teacher'])
def test_with_mmengines_log(cfg, stops, where):
    """Of an old config: the checkpoint is still checked."""
    line, kept = stops(where, **{
        'default_hooks.runtime_info.type': 'mmengine.RuntimeInfoHook'})
    assert 'not finite in' in line and 'nothing is saved' in line
    assert kept == ['epoch_1.pth']


@pytest.mark.parametrize('mode', ['hard', 'soft'])
def test_the_teacher_is_named(cfg, stops, teacher_file, mode):
    cfg.model.head.loss.mode = mode
    line, _ = stops('teacher', **{'default_hooks.logger.interval': 1})
    assert line.startswith(
        f"iteration 6: the answer of the teacher 'teacher' ({teacher_file}; "
        "the student's dtype, channels first, not compiled) is not finite: "
        "set its dtype='float32', or give it other weights; --resume")


def test_gradients_add_up(stops):
    line, _ = stops('gradient', **{'optim_wrapper.accumulative_counts': 4})
    assert line.startswith('iteration 8: the norm of the gradient is nan')


def watch(scaled=True, counts=1, loop=None):
    scaler = SimpleNamespace(is_enabled=lambda: scaled)
    return LossWatch(SimpleNamespace(
        hooks=[], train_loop=loop, optim_wrapper=SimpleNamespace(
            loss_scaler=scaler, _accumulative_counts=counts)))


GOOD = [(GRADIENT, 1.), ('loss', 1.)]


@pytest.mark.parametrize('bad', [
    [('loss', NAN)],
    [('loss', 1.)],  # the step was skipped
    [('loss', 1.), (GRADIENT, math.inf)],  # so it was in a fused optimiser
])
def test_skipped_steps_are_no_fault_but_many_are(bad):
    judge = watch().judge
    for iteration in range(1, 61):  # three of four
        assert judge(iteration, bad if iteration % 4 else GOOD) == ''
    found = [judge(iteration, bad) for iteration in range(61, 77)]
    assert set(found[:15]) == {''}
    assert found[15].startswith('iteration 76: 16 in a row gave no step')
    assert REMEDIES in found[15]


def test_accumulating_takes_no_step_in_each_iteration():
    judge = watch(counts=4).judge
    for i in range(1, 101):
        assert judge(i, GOOD if i % 4 == 0 else [('loss', 1.)]) == ''


def test_our_loops_take_a_step_in_each_iteration():
    judge = watch(counts=4, loop=SimpleNamespace(plan=None)).judge
    faults = [judge(i, [('loss', 1.)]) for i in range(1, PATIENCE + 1)]
    assert not any(faults[:-1]) and f'{PATIENCE} in a row' in faults[-1]


def test_a_scaler_that_is_off_skips_nothing():
    assert 'iteration 1: loss is nan' in watch(False).judge(1, [('loss', NAN)])


@pytest.mark.parametrize('values', [
    [('accuracy', NAN)], [('time', math.inf)], GOOD])
def test_only_losses_have_to_be_finite(values):
    assert watch(False).judge(1, values) == ''


def test_what_one_process_found_stops_all(monkeypatch):
    """Its cause, rather than the gradient that all of them get."""
    monkeypatch.setattr(
        finite, 'all_gather_object',
        lambda fault: [fault, f'iteration 3: {GRADIENT}', 'iteration 3: bad'])
    runner = SimpleNamespace(
        message_hub=SimpleNamespace(runtime_info=dict()))
    with pytest.raises(ValueError, match='^iteration 3: bad$'):
        stop_everywhere(runner, '')


@pytest.mark.parametrize('dtype', [
    torch.float16, torch.bfloat16, torch.float64, torch.complex64])
def test_not_finite(dtype):
    content = dict(
        a=torch.zeros(2, dtype=dtype), b=[torch.full((2, ), NAN, dtype=dtype)],
        large=torch.full((2, ), 6e4).to(dtype), empty=torch.zeros(0),
        c=torch.ones(2, dtype=torch.int64), d='text', e=math.inf)
    assert not_finite(content) == ['b.0']
    assert not_finite({}) == []


def test_a_mask_of_attention_is_meant_so():
    mask = torch.full((3, 3), -math.inf).triu(1)
    assert not_finite(dict(mask=mask)) == []
    assert not_finite(dict(a=mask + 1, b=-mask, c=mask[0], d=mask * 0)) == [
        'a', 'b', 'c', 'd']


@pytest.mark.parametrize('sparse', [False, True])
def test_the_norm_of_a_gradient(sparse):
    embedding = torch.nn.Embedding(5, 4, sparse=sparse)
    optimizer = torch.optim.SGD(embedding.parameters(), 1.)
    assert gradient_norm(optimizer) == 0
    embedding(torch.tensor([1, 3, 3])).sum().backward()
    assert gradient_norm(optimizer).item() == pytest.approx(math.sqrt(20))
