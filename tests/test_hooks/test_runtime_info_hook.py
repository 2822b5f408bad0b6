import pytest
import torch


@pytest.fixture
def logs(cfg, build_runner):
    """All that a run logs, with mmengine's hook or with ours."""

    def train(hook, **changes):
        cfg.default_hooks.runtime_info = dict(type=hook)
        cfg.default_hooks.logger.interval = 3
        cfg.merge_from_dict(changes)
        runner = build_runner(cfg)
        runner.train()
        return {
            key: value.data[0].tolist()
            for key, value in runner.message_hub.log_scalars.items()
            if 'time' not in key
        }

    return train


def test_the_log_is_mmengines(logs):
    """Four iterations an epoch, logged after the third: all are kept."""
    expected = logs('RuntimeInfoHook')
    assert logs('mmdeit.RuntimeInfoHook') == expected
    assert len(expected['train/loss']) == 8
    assert {'train/loss_cls', 'train/loss_distill',
            'train/teacher_agreement'} < {*expected}


def test_a_checkpoint_within_an_epoch_has_all_of_the_log(logs, cfg):
    losses = logs(
        'mmdeit.RuntimeInfoHook',
        **{
            'default_hooks.checkpoint.by_epoch': False,
            'default_hooks.checkpoint.interval': 2
        })['train/loss']
    checkpoint = torch.load(f'{cfg.work_dir}/iter_6.pth', weights_only=True)
    saved = checkpoint['message_hub']['log_scalars']['train/loss']
    assert saved['values'].tolist() == losses[:6]


def test_keeps_no_graph(cfg, build_runner):
    cfg.default_hooks.runtime_info = dict(type='mmdeit.RuntimeInfoHook')
    cfg.default_hooks.logger.interval = 100
    runner = build_runner(cfg)
    hook, = [h for h in runner.hooks if type(h).__name__ == 'RuntimeInfoHook']
    runner.train_loop  # noqa: B018  builds it
    loss = torch.ones(1, requires_grad=True).sum()
    hook.before_train(runner)
    hook.after_train_iter(
        runner, 0, outputs=dict(loss=loss, images=4, acc=torch.ones(1)))
    assert hook._outputs[0][2].grad_fn is None
    hook.read(runner)
    assert runner.message_hub.get_scalar('train/images').current() == 4


def test_what_was_never_logged_is_there_in_the_end(cfg, build_runner):
    """In iterations, of which no epoch's end is seen."""
    cfg.default_hooks.runtime_info = dict(type='mmdeit.RuntimeInfoHook')
    cfg.default_hooks.logger.interval = 100
    cfg.train_cfg = dict(by_epoch=False, max_iters=6)
    cfg.default_hooks.checkpoint = None
    runner = build_runner(cfg)
    runner.train()
    assert len(runner.message_hub.get_scalar('train/loss').data[0]) == 6
