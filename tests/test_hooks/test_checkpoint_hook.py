"""Checkpoints are plain data, and training resumes from them."""
import torch
from mmengine.hooks import Hook
from mmengine.registry import HOOKS


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
    # the log goes on too
    lengths = [
        len(r.message_hub.get_scalar('train/loss').data[0])
        for r in (whole, resumed)
    ]
    assert lengths == [8, 8]


def test_mixup_is_what_differs_on_resume(cfg, build_runner):
    """Mmengine restarts the random state instead of restoring it."""
    whole, resumed = resume_after_interrupt(cfg, build_runner)
    expected = final_weights(whole)
    assert any(not torch.equal(value, expected[name])
               for name, value in final_weights(resumed).items())
