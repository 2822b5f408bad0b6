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


@pytest.mark.parametrize('batch, more, iterations', [
    # two passes; the ninth image is left out
    (8, [], 1),
    # in groups of 3, not 4
    (6, [], 1),
    # One pass of its own batch, whose learning rate is scaled. Groups are for
    # no other number of processes then, and need not divide it.
    (8, ['--auto-scale-lr', '--cfg-options', 'train_dataloader.batch_size=5',
         'data_preprocessor.group_size=3'], 2),
    # a config of one's own upon a recipe may still say by_epoch
    (4, ['--cfg-options', 'train_cfg.by_epoch=True'], 2),
])
def test_batches(world, batch, more, iterations):
    world.configure(f'auto_scale_lr = dict(base_batch_size={batch})')
    output = run_tool(*TOOLS['train'].split(), *more)
    assert f'Epoch(train) [2][{iterations}/{iterations}]' in output


def test_what_is_not_read_is_said_once(world):
    world.folder('data/train/.ipynb_checkpoints')
    world.write('data/train/cat/a.webp', '')
    (world / 'data/val/cat/b.jpg').symlink_to('nowhere')
    output = run_tool(*TOOLS['train'].split())
    for line in ('data/train: besides 9 images there are files ending in '
                 '.webp: 1 (cat/a.webp); read are ',
                 'data/val: besides 9 images there are broken links: 1 '
                 '(cat/b.jpg)'):
        assert output.count(line) == 1


def test_predictions_without_labels(world):
    """As the message of an unlabelled test set says."""
    run_tool(*TOOLS['test'].split(), '--out', 'p.pkl', '--cfg-options',
             'num_classes=3', 'test_dataloader.dataset.with_label=False',
             'test_evaluator=[]')
    assert (world / 'p.pkl').stat().st_size
