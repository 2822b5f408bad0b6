"""Which tensors decay, by name, in the official run."""
import pytest

from .config import CONFIGS, build_model, build_optimizer
from .fixture import load
from .student import rename

GOLDEN = load('parameter_groups')


@pytest.mark.parametrize('name', CONFIGS)
def test_groups(name):
    """Timm 0.3.2 decays the distillation token; current timm does not."""
    model = build_model(name)
    # Of the optimiser itself: the wrapper adds a group that holds no tensor
    # of the model.
    groups = build_optimizer(model, CONFIGS[name]).optimizer.param_groups
    golden = GOLDEN[name]
    official = {
        rename(key): group['weight_decay']
        for group in golden['groups'] for key in group['names']
    }
    names = {id(param): key for key, param in model.named_parameters()}
    ours = {
        names[id(param)]: group['weight_decay']
        for group in groups for param in group['params']
    }
    assert ours == official
    for group in groups:
        for key in ('lr', 'eps'):
            assert group[key] == pytest.approx(golden[key], rel=1e-12)
        assert list(group['betas']) == golden['betas']
        assert not group['amsgrad'] and not group['maximize']
