from mmengine.hooks import Hook
from mmengine.registry import HOOKS


@HOOKS.register_module()
class ModeSpyHook(Hook):
    """Notes the modes in which the model is trained and validated."""
    priority = 'LOWEST'

    def before_run(self, runner):
        self.modes = []

    def before_train_iter(self, runner, batch_idx, data_batch=None):
        model = runner.model
        self.modes.append((any(m.training for m in model.backbone.modules()),
                           model.head.training,
                           model.data_preprocessor.training))


def test_backbone_alone_stays_in_eval(cfg, build_runner):
    cfg.model.backbone.drop_path_rate = 0.5
    cfg.default_hooks.eval_mode = dict(type='mmdeit.EvalModeHook')
    cfg.default_hooks.spy = dict(type='ModeSpyHook')
    runner = build_runner(cfg)
    before = {k: v.clone() for k, v in runner.model.state_dict().items()}
    runner.train()  # with the teacher
    spy = next(h for h in runner.hooks if isinstance(h, ModeSpyHook))
    assert spy.modes == [(False, True, True)] * 8
    after = runner.model.state_dict()
    assert any((after[k] != before[k]).any() for k in before
               if k.startswith('backbone.layers'))
