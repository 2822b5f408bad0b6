"""Where nothing is wrong, the commands run: what fails is what was spoilt."""
import pytest

from tests.tools import run_tool

from .world import TOOLS


@pytest.mark.parametrize('tool', ['train', 'test', 'agreement'])
def test_good_world(world, tool):
    run_tool(*TOOLS[tool].split())


def test_training_goes_on(world):
    run_tool(*TOOLS['train'].split())
    output = run_tool(*TOOLS['train'].split(), '--resume', '--cfg-options',
                      'train_cfg.max_epochs=3')
    assert 'Epoch(train) [3]' in output
