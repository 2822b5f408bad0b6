"""The configs that docs/dense.md makes of those of mmdet and mmseg."""
import re

import pytest
import torch
from mmengine.config import Config
from mmengine.optim import build_optim_wrapper
from mmengine.registry import HOOKS, MODELS, init_default_scope

from mmdeit.hooks import CheckpointHook
from tests.tools import ROOT

BLOCKS = re.findall(r'```python\n(.*?)```',
                    (ROOT / 'docs/dense.md').read_text(), re.DOTALL)
*EXAMPLES, COMMON, LAYER_DECAY = BLOCKS


def groups_of(model, cfg):
    """The optimiser's group of each parameter."""
    optimizer = build_optim_wrapper(model, cfg.optim_wrapper).optimizer
    return {
        id(parameter): group
        for group in optimizer.param_groups for parameter in group['params']
    }


@pytest.mark.parametrize('number, strides', [
    (0, (4, 8, 16, 32, 64)),
    (1, (4, 8, 16, 32)),
    (2, (4, 8, 16, 32)),
])
def test_examples(number, strides, tmp_path):
    """Over the configs in the package's wheel."""
    file = tmp_path / 'config.py'
    file.write_text(EXAMPLES[number] + COMMON)
    cfg = Config.fromfile(file)
    init_default_scope(cfg.default_scope)
    with torch.device('meta'):  # neither memory nor random numbers
        model = MODELS.build(cfg.model).eval()
        maps = model.extract_feat(torch.empty(1, 3, 256, 320))
        if cfg.default_scope == 'mmdet':
            model.rpn_head(maps)
        else:
            assert model.decode_head(maps).shape == (1, 150, 64, 80)
            assert model.auxiliary_head(maps).shape[:2] == (1, 150)
    assert [(256 // stride, 320 // stride) for stride in strides
            ] == [tuple(x.shape[2:]) for x in maps]
    assert cfg.model.backbone.init_cfg.prefix == 'backbone.'

    lr = cfg.optim_wrapper.optimizer.lr
    groups = groups_of(model, cfg)
    for name, parameter in model.backbone.named_parameters():
        spared = re.search(r'_token|pos_embed|ln\d', name) is not None
        assert (groups[id(parameter)]['weight_decay'] == 0) == spared, name
    assert {group['lr'] for group in groups.values()} == {lr}
    for scheduler in cfg.param_scheduler:  # down, not up
        assert scheduler.get('eta_min', 0) < lr

    hook = HOOKS.build(cfg.default_hooks.checkpoint)
    assert type(hook) is CheckpointHook
    assert hook.interval == (1 if cfg.default_scope == 'mmdet' else 16000)

    change = {}
    exec(LAYER_DECAY, change)  # noqa: S102
    cfg.merge_from_dict(dict(optim_wrapper=change['optim_wrapper']))
    group = groups_of(model, cfg)[id(model.backbone.dist_token)]
    assert group['lr'] == pytest.approx(lr * 0.7**13)
    assert group['weight_decay'] == 0


def test_every_example_is_built():
    assert len(EXAMPLES) == 3
