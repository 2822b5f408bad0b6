"""Checkpoints are plain data, and training resumes from them."""
import logging
import os
import signal
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
from mmengine.hooks import Hook
from mmengine.registry import HOOKS
from mmengine.runner import EpochBasedTrainLoop

from mmdeit.hooks.checkpoint_hook import logged_values
from mmdeit.hooks.loaded_checkpoint import warn_of_partial_epoch


@HOOKS.register_module()
class InterruptHook(Hook):
    """Ends the process, as it were, in the middle of the second epoch."""

    def before_train_iter(self, runner, batch_idx, data_batch=None):
        if runner.iter == 6:
            raise KeyboardInterrupt


@HOOKS.register_module()
class DeterministicHook(Hook):
    """Gives each iteration randomness of its own.

    mmengine restarts the random state on resume; what comes from it (Mixup)
    would differ. See docs/training.md.
    """

    def before_train_iter(self, runner, batch_idx, data_batch=None):
        torch.manual_seed(runner.iter)


def final_weights(runner):
    return {k: v.clone() for k, v in runner.model.state_dict().items()}


def test_files_hold_only_data(cfg, build_runner):
    runner = build_runner(cfg)
    runner.train()
    checkpoint = torch.load(f'{cfg.work_dir}/epoch_2.pth', weights_only=True)
    losses = checkpoint['message_hub']['log_scalars']['train/loss']
    history = runner.message_hub.get_scalar('train/loss')
    assert losses['values'].tolist() == history.data[0].tolist()


def resume_after_interrupt(cfg, build_runner):
    """The weights of an uninterrupted and of an interrupted, resumed run."""
    whole = build_runner(cfg)
    whole.train()

    cfg.work_dir += '-interrupted'
    cfg.default_hooks.interrupt = dict(type='InterruptHook')
    runner = build_runner(cfg)
    try:
        runner.train()
    except KeyboardInterrupt:
        pass
    assert runner.iter == 6

    del cfg.default_hooks.interrupt
    cfg.resume = True
    resumed = build_runner(cfg)
    resumed.train()
    assert resumed.iter == 8
    return whole, resumed


def test_resume_ends_where_the_whole_run_does(cfg, build_runner):
    """Bit for bit, where the augmentation draws nothing."""
    cfg.model.train_cfg = None
    cfg.log_processor = dict(window_size=3)
    cfg.default_hooks.deterministic = dict(type='DeterministicHook')
    cfg.default_hooks.ema = dict(
        type='mmdeit.EMAHook', evaluate_on_ema=False, evaluate_on_origin=True)
    whole, resumed = resume_after_interrupt(cfg, build_runner)
    expected = final_weights(whole)
    for name, value in final_weights(resumed).items():
        assert torch.equal(value, expected[name]), name
    one, two = (
        torch.load(f'{r.work_dir}/epoch_2.pth', weights_only=True)
        for r in (whole, resumed))
    for name, value in one['ema_state_dict'].items():
        assert torch.equal(value, two['ema_state_dict'][name]), name
    assert one['param_schedulers'] == two['param_schedulers']
    # The log goes on too, from the three values that it asks for.
    one, two = (r.message_hub.get_scalar('train/loss').data[0].tolist()
                for r in (whole, resumed))
    assert len(two) == 3 + 4 and two == one[-7:]


def test_mixup_is_what_differs_on_resume(cfg, build_runner):
    """Mmengine restarts the random state instead of restoring it."""
    whole, resumed = resume_after_interrupt(cfg, build_runner)
    expected = final_weights(whole)
    assert any(not torch.equal(value, expected[name])
               for name, value in final_weights(resumed).items())


@pytest.fixture
def writes(monkeypatch):
    """What happens to the files of a run, in order."""
    events = []
    replace, remove = os.replace, os.remove

    def replaced(source, target):
        events.append(Path(target).name)
        replace(source, target)

    def removed(path):
        events.append(f'- {Path(path).name}')
        remove(path)

    monkeypatch.setattr(os, 'replace', replaced)
    monkeypatch.setattr(os, 'remove', removed)
    return events


@pytest.mark.parametrize('client', [None, dict(backend='disk')])
def test_removes_last(cfg, build_runner, writes, client):
    """The file, its pointer, and only then the file before."""
    cfg.default_hooks.checkpoint.update(
        max_keep_ckpts=1, file_client_args=client)
    build_runner(cfg).train()
    assert writes == [
        'epoch_1.pth', 'last_checkpoint', 'epoch_2.pth', 'last_checkpoint',
        '- epoch_1.pth'
    ]
    # What removes the first one where a kill has prevented it.
    checkpoint = torch.load(f'{cfg.work_dir}/epoch_2.pth', weights_only=True)
    info = checkpoint['message_hub']['runtime_info']
    assert info['keep_ckpt_ids'] == [1, 2]


@HOOKS.register_module()
class RisingMetricHook(Hook):
    """Makes each validation better than the last, by two metrics."""

    priority = 'HIGHEST'

    def after_val_epoch(self, runner, metrics=None):
        others = dict(metrics)
        metrics.clear()
        metrics.update(a=runner.epoch, b=-runner.epoch, **others)


@pytest.mark.parametrize('save_best', ['a', ['a', 'b'], 'auto'])
def test_the_best_before_is_removed_last(cfg, build_runner, writes, save_best):
    cfg.default_hooks.rising = dict(type='RisingMetricHook')
    cfg.default_hooks.checkpoint.update(
        save_best=save_best, rule='greater', max_keep_ckpts=1)
    build_runner(cfg).train()
    best = [name for name in writes if 'best' in name]
    if isinstance(save_best, list):  # b falls: its first value is the best
        assert 'best_b_epoch_1.pth' in best and '- best_b_epoch_1.pth' not in (
            best)
    assert [name for name in best if '_b_' not in name] == [
        'best_a_epoch_1.pth', 'best_a_epoch_2.pth', '- best_a_epoch_1.pth'
    ]
    # Once the checkpoint that names the new one is there.
    assert writes[writes.index('best_a_epoch_2.pth'):] == [
        'best_a_epoch_2.pth', 'epoch_2.pth', 'last_checkpoint',
        '- best_a_epoch_1.pth'
    ]


class Killed(Exception):
    """In place of a kill."""


def kill(*_):
    raise Killed


def test_resume_finishes_what_a_kill_prevented(cfg, build_runner, monkeypatch):
    """A removal, a file, its pointer; also where the folder has moved."""
    cfg.default_hooks.rising = dict(type='RisingMetricHook')
    cfg.default_hooks.checkpoint.update(
        max_keep_ckpts=1, save_best='a', rule='greater')
    with monkeypatch.context() as patch, pytest.raises(Killed):
        patch.setattr('mmdeit.hooks.CheckpointHook._remove', kill)
        build_runner(cfg).train()
    old, new = Path(cfg.work_dir), Path(f'{cfg.work_dir}-moved')
    old.rename(new)
    old.mkdir()
    (old / 'best_a_epoch_1.pth').touch()  # of another run by now
    for name in ('epoch_3.pth', 'last_checkpoint', 'download'):
        (new / f'{name}.part').touch()
    assert sorted(path.name for path in new.glob('*.pth')) == [
        'best_a_epoch_1.pth', 'epoch_1.pth', 'epoch_2.pth'
    ]
    cfg.update(
        work_dir=str(new), resume=True, load_from=str(new / 'epoch_2.pth'))
    build_runner(cfg).train()  # nothing is left to train
    assert (new / 'last_checkpoint').read_text() == cfg.load_from
    assert not (new / 'epoch_1.pth').exists()
    assert [path.name for path in new.glob('*.part')] == ['download.part']
    cfg.train_cfg.max_epochs = 3
    build_runner(cfg).train()
    assert sorted(path.name for path in new.glob('*.pth*')) == [
        'best_a_epoch_3.pth', 'epoch_3.pth'
    ]
    assert (old / 'best_a_epoch_1.pth').is_file()


@pytest.mark.parametrize('save_best', ['a', ['a', 'b']])
def test_the_best_was_in_another_folder(cfg, build_runner, save_best):
    """What cannot be published is no error at the end of the training."""
    cfg.default_hooks.rising = dict(type='RisingMetricHook')
    cfg.default_hooks.checkpoint.update(
        save_best=save_best, rule='less', published_keys=['state_dict'])
    cfg.train_cfg.max_epochs = 1
    build_runner(cfg).train()
    cfg.update(resume=True, load_from=f'{cfg.work_dir}/epoch_1.pth')
    cfg.work_dir += '-new'
    cfg.train_cfg.max_epochs = 2
    build_runner(cfg).train()
    assert [*Path(cfg.work_dir).glob('epoch_2-*.pth')]


@pytest.mark.parametrize('change', [
    dict(optimizer=dict(type='SGD', lr=0.1, _delete_=True)),
    dict(paramwise_cfg=dict(bias_lr_mult=2.)),
])
def test_another_optimizer(cfg, build_runner, change):
    cfg.train_cfg.max_epochs = 1
    build_runner(cfg).train()
    cfg.update(resume=True, load_from=f'{cfg.work_dir}/epoch_1.pth')
    cfg.train_cfg.max_epochs = 2
    build_runner(cfg).train()  # with the same one
    cfg.merge_from_dict(dict(optim_wrapper=change))
    with pytest.raises(ValueError, match='epoch_1.pth has the state of another '
                       'optimizer, or of other groups'):
        build_runner(cfg).train()


def test_steps_as_this_machine_does(cfg, build_runner):
    """Where the checkpoint is of one whose optimiser was fused."""
    build_runner(cfg).train()
    path = f'{cfg.work_dir}/epoch_1.pth'
    checkpoint = torch.load(path, weights_only=True)
    for group in checkpoint['optimizer']['param_groups']:
        group.update(fused=True, lr=0.5)
    torch.save(checkpoint, path)
    cfg.load_from, cfg.resume = path, True
    cfg.train_cfg.max_epochs = 1  # nothing is left
    runner = build_runner(cfg)
    runner.train()
    group, *_ = runner.optim_wrapper.param_groups
    assert group['fused'] is None and group['lr'] == 0.5


def test_a_signal_waits_for_pointer_and_removal(cfg, build_runner, monkeypatch):
    cfg.default_hooks.checkpoint.max_keep_ckpts = 1
    handler = signal.signal(signal.SIGTERM, kill)
    replace = os.replace

    def interrupted(source, target):
        if target.endswith('epoch_2.pth'):
            signal.raise_signal(signal.SIGTERM)
        replace(source, target)

    monkeypatch.setattr(os, 'replace', interrupted)
    try:
        with pytest.raises(Killed):
            build_runner(cfg).train()
    finally:
        signal.signal(signal.SIGTERM, handler)
    work_dir = Path(cfg.work_dir)
    assert [path.name for path in work_dir.glob('*.pth')] == ['epoch_2.pth']
    assert (work_dir / 'last_checkpoint').read_text().endswith('epoch_2.pth')


@pytest.mark.parametrize('iterations, warned', [(0, False), (4, False),
                                                (6, True)])
def test_an_epoch_starts_again(iterations, warned, caplog):
    loop = EpochBasedTrainLoop.__new__(EpochBasedTrainLoop)
    loop.dataloader = range(4)
    loop._epoch, loop._iter = 1, iterations
    warn_of_partial_epoch(
        SimpleNamespace(train_loop=loop, logger=logging.getLogger()))
    assert warned == ('after 6 iterations, which are no whole epochs of 4: '
                      'epoch 2 starts from its beginning.' in caplog.text)


@HOOKS.register_module()
class ManyValuesHook(Hook):
    """Logs as much as a long training does."""

    def after_train_iter(self, runner, *args, **kwargs):
        for _ in range(1000):
            runner.message_hub.update_scalar('train/other', 1.)


def test_checkpoints_do_not_grow(cfg, build_runner):
    cfg.default_hooks.many = dict(type='ManyValuesHook')
    build_runner(cfg).train()
    checkpoint = torch.load(f'{cfg.work_dir}/epoch_2.pth', weights_only=True)
    other = checkpoint['message_hub']['log_scalars']['train/other']
    assert len(other['values']) == len(other['counts']) == 10


@pytest.mark.parametrize('custom, count', [
    ([], 10),
    ([dict(data_src='loss', window_size=20)], 20),
    ([dict(data_src='loss', window_size=5), dict(data_src='loss',
                                                window_size=15)], 15),
    ([dict(data_src='other', window_size=20)], 10),
    ([dict(data_src='loss', window_size='epoch')], 100),
    ([dict(data_src='loss', window_size='global')], None),
    ([dict(data_src='loss', method_name='max')], None),
])
def test_checkpoints_keep_what_the_log_asks_for(custom, count):
    processor = SimpleNamespace(window_size=10, custom_cfg=custom)
    runner = SimpleNamespace(
        log_processor=processor, train_dataloader=range(100))
    assert logged_values(runner, 'train/loss') == count
