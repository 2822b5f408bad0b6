import importlib
from copy import deepcopy
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from PIL import Image

from mmdeit.loops.passes import prepare_passes
from mmdeit.models import ClsDataPreprocessor
from mmdeit.structures import TrainingTargets
from tests.conftest import STUDENT
from tests.shrink import save
from tests.tools import ROOT, run_tool

TOOL = 'tools/analysis_tools/browse_views.py'
STUDENT_CONFIG = ROOT / 'configs/demo/student-distilled.py'


@pytest.fixture
def module(monkeypatch):
    """Import a script of the tool's folder, as Python does for a script."""
    monkeypatch.syspath_prepend((ROOT / TOOL).parent)
    return importlib.import_module


@pytest.fixture
def drawn(module, monkeypatch):
    """What the tool draws, its views by their positions."""
    picture, drawn = module('views_picture'), SimpleNamespace()
    draw = picture.draw

    def record(views, names, title, path):
        drawn.views = {view.position: view for view in views}
        drawn.names, drawn.title = names, title
        draw(views, names, title, path)

    monkeypatch.setattr(picture, 'draw', record)
    return drawn


@pytest.fixture
def recipe(cfg, fashion_mnist):
    """The recipe in small: iterations of 2 passes of 2 groups of 4 views."""
    dataset = dict(
        type='FashionMNIST',
        data_root=str(fashion_mnist),
        split='train',
        download=False,
        pipeline=[
            dict(type='RandomCrop', crop_size=8),
            dict(type='RandomFlip', prob=0.5),
            dict(type='mmdeit.RandomErasing', erase_prob=0.5),
            dict(type='mmdeit.PackInputs')
        ])
    cfg.train_dataloader.update(
        batch_size=8,
        drop_last=True,
        dataset=dataset,
        sampler=dict(type='mmdeit.RepeatAugSampler', num_repeats=3))
    cfg.model = deepcopy(STUDENT)
    cfg.model.head.num_classes = 10
    cfg.model.data_preprocessor.update(
        type='mmdeit.ClsDataPreprocessor', num_classes=10, group_size=4)
    teacher = cfg.default_hooks.teacher.teacher
    teacher.model.head.num_classes = 10
    save(deepcopy(teacher.model), Path(teacher.checkpoint))
    cfg.default_hooks.checkpoint = None
    for name in ('cfg', 'dataloader', 'evaluator'):
        cfg[f'val_{name}'] = cfg[f'test_{name}'] = None
    cfg.auto_scale_lr = dict(base_batch_size=16)
    cfg.train_cfg = dict(type='mmdeit.EpochBasedTrainLoop', max_epochs=2)
    return cfg


def test_what_the_training_gives_to_the_model(module, recipe, build_runner):
    """Bit for bit, of an iteration in the middle of the second epoch."""
    tool, trained = module('browse_views'), []
    runner = build_runner(recipe)
    loss = runner.model.loss

    def record(inputs, data_samples):
        trained.append((inputs.clone(), data_samples))
        return loss(inputs, data_samples)

    runner.model.loss = record
    runner.train()
    assert len(trained) == 2 * 4 * 2  # epochs, iterations, passes

    runner = build_runner(recipe)
    runner.optim_wrapper = runner.build_optim_wrapper(runner.optim_wrapper)
    hook = next(hook for hook in runner.hooks if hasattr(hook, 'teacher'))
    hook.before_train(runner)
    passes = tool.find_passes(runner.train_loop, 1, range(20, 36))
    assert [[view.position for view in part] for part in passes] == [
        [*range(start, start + 16, 2)] for start in (16, 17, 32, 33)]
    seen = list(prepare_passes(runner, passes))
    for (inputs, targets), (ours, our_targets) in zip(trained[10:14], seen,
                                                      strict=True):
        assert torch.equal(ours, inputs)
        for name in ('labels', 'mixed', 'teacher_answer'):
            assert torch.equal(
                getattr(our_targets, name), getattr(targets, name))

    # Nothing is drawn for the others.
    alone = tool.find_passes(runner.train_loop, 1, range(35, 36))
    assert [view.position for view in alone[0]] == [*range(33, 48, 2)]
    (inputs, _), = prepare_passes(runner, alone)
    assert torch.equal(inputs, seen[3][0])


def test_what_each_of_two_processes_gives_to_the_model(
        module, recipe, build_runner, monkeypatch):
    """In one pass of 8 views, where one process has two passes."""
    tool = module('browse_views')
    runner = build_runner(recipe)
    runner.optim_wrapper = runner.build_optim_wrapper(runner.optim_wrapper)
    passes = tool.find_passes(runner.train_loop, 1, range(16, 32))
    alone = {
        view.position: views for part, (inputs, targets) in zip(
            passes, prepare_passes(runner, passes))
        for view, *views in zip(part, inputs, targets.mixed)
    }
    monkeypatch.setattr('mmdeit.loops.view_loop.get_world_size', lambda: 2)
    for rank in range(2):
        for name in ('mmdeit.datasets.views', 'mmpretrain.datasets.samplers.'
                     'repeat_aug'):
            monkeypatch.setattr(
                f'{name}.get_dist_info', lambda r=rank: (r, 2))
        runner = build_runner(recipe)
        loop = runner.train_loop
        _, batch = next(loop._batches(1, 1))
        assert len(batch['views']) == loop.plan.pass_size == 8
        keys = batch['views'][:, 2].tolist()
        prepared = runner.model.data_preprocessor(batch, True)
        targets = prepared['data_samples'].mixed
        for view, image, target in zip(keys, prepared['inputs'], targets):
            assert torch.equal(image, alone[view][0])
            assert torch.equal(target, alone[view][1])


def test_picture(tmp_path, drawn, distilled_options):
    out = tmp_path / 'folder/views.png'
    output = run_tool(TOOL, STUDENT_CONFIG, '--epoch', 1, '--position', 20,
                      '-n', 6, '--out', out, *distilled_options,
                      'auto_scale_lr.base_batch_size=32')
    assert f'Written: {out} (epoch 1, views 20 to 25 of 64, seed 0)' in output
    assert drawn.title == 'student-distilled\n' + output[
        output.index('(') + 1:output.rindex(')')]
    assert [*drawn.views] == [*range(20, 26)]
    for view in drawn.views.values():
        assert view.image.shape == (28, 28) and view.image.std() > 5
        assert sum(view.target.values()) == pytest.approx(1)
        assert view.source.startswith('image ')
        assert 0 <= view.answer < 10 and .1 < view.probability < 1
    with Image.open(out) as image:
        width, height = image.size
    assert 600 < width < 700 and 500 < height < 700  # two rows of three
    assert not (tmp_path / 'work_dirs').exists()


def test_where_the_epoch_ends(tmp_path, drawn, options):
    """And without a teacher, whose checkpoint is not there."""
    output = run_tool(TOOL, STUDENT_CONFIG, '--position', 60, '--work-dir',
                      tmp_path, '--no-teacher', '--seed', 7, *options)
    assert 'views 60 to 63 of 64, seed 7' in output
    assert (tmp_path / 'views_epoch0_position60.jpg').is_file()
    assert [view.answer for view in drawn.views.values()] == [None] * 4


def test_seed(tmp_path, drawn, options):
    """Said with the option, in a checkpoint, in the config, or nowhere."""
    torch.save(dict(state_dict={}, meta=dict(seed=3)), tmp_path / 'some.pth')
    hub = dict(runtime_info=dict(view_seed=3))  # that of a cache, say
    torch.save(dict(state_dict={}, meta=dict(seed=1), message_hub=hub),
               tmp_path / 'other.pth')
    torch.save(dict(state_dict={}, meta={}), tmp_path / 'none.pth')
    call = [TOOL, STUDENT_CONFIG, '--no-teacher', '-n', 1, '--out',
            tmp_path / 'a.png']

    def image(*arguments):
        output = run_tool(*call, *arguments, *options, 'randomness.seed=None')
        return drawn.views[0].image, output

    first, output = image()
    assert 'these are the views of seed 0' in output
    third, output = image('--checkpoint', tmp_path / 'some.pth')
    assert 'seed 3' in output and 'randomness.seed' not in output
    assert not np.array_equal(first, third)
    assert np.array_equal(image('--seed', 3)[0], third)
    assert np.array_equal(
        image('--checkpoint', tmp_path / 'other.pth')[0], third)
    output = run_tool(*call, '--checkpoint', tmp_path / 'none.pth', *options,
                      code=1)
    assert 'none.pth does not say the seed of its training' in output


def test_captions(module):
    picture = module('views_picture')
    view = picture.Seen(0, 'a.jpg', None, {2: .28, 0: .72}, 1, .934)
    names = ['tabby, tabby cat', 'dog', 'rhinoceros-hornbill']
    assert view.labels(names) == 'tabby 0.72, rhinoceros-hor… 0.28'
    assert view.teacher(names) == 'teacher: dog 0.93'
    view = picture.Seen(0, 'a.jpg', None, {2: 1.}, 1)
    assert view.labels(None) == 'class 2'
    assert view.teacher(None) == 'teacher: class 1'
    view = picture.Seen(0, 'a.jpg', None, {0: .6}, 1)
    assert view.labels(names) == 'tabby 0.60'  # the rest has no label
    assert picture.Seen(0, 'a.jpg', None, {}, 1).labels(names) == 'no label'


def test_shares_of_what_has_a_label(module):
    shares = module('seen_views').shares
    targets = TrainingTargets(torch.tensor([2, -1]))
    assert [shares(targets, i) for i in (0, 1)] == [{2: 1.}, {}]
    targets.mixed = torch.tensor([[0., 0., .5], [0., 0., 0.]])
    assert [shares(targets, i) for i in (0, 1)] == [{2: .5}, {}]


@pytest.mark.parametrize('to_rgb', [False, True])
def test_pixels(module, to_rgb):
    """The normalisation is undone, to the level."""
    preprocessor = ClsDataPreprocessor(
        [100., 110., 120.], [50., 60., 70.], to_rgb=to_rgb)
    image = torch.randint(256, (2, 3, 4, 5)).byte()
    inputs = preprocessor(dict(inputs=image, labels=torch.zeros(2).long()),
                          True)['inputs']
    seen = module('seen_views').to_bytes(inputs, preprocessor)
    assert torch.equal(seen.permute(0, 3, 1, 2),
                       image.flip(1) if to_rgb else image)


@pytest.mark.parametrize('arguments, message', [
    (['--number', 0], '--number is 0: give a number from 1'),
    (['--number', 2000], '--number is 2000: a picture has 1024 at most'),
    (['--epoch', -1], '--epoch is -1: give a number from 0'),
    (['--seed', 1, '--checkpoint', 'a'], 'not allowed with argument'),
    (['--launcher', 'pytorch'], 'leave out --launcher')
])
def test_bad_arguments(arguments, message):
    assert message in run_tool(TOOL, STUDENT_CONFIG, *arguments, code=2)


@pytest.mark.parametrize('arguments, settings, message', [
    (['--epoch', 2], [],
     'error: --epoch is 2: the last one of the training, counted from 0, is 1'),
    (['--epoch', 1, '--position', 64], [],
     'error: --position is 64: the last one of epoch 1 is 63'),
    ([], ['train_dataloader=None', 'train_cfg=None', 'optim_wrapper=None'],
     'has no train_dataloader: give the config of a training'),
    (['--out', 'views.txt'], [],
     'error: --out views.txt is no image by its name: end it in .jpg'),
    (['--out', ROOT / 'docs'], [], 'is no image by its name'),
    ([], ['train_cfg.type=mmengine.EpochBasedTrainLoop'],
     "set train_cfg.type='mmdeit.EpochBasedTrainLoop' or"),
    (['--auto-scale-lr', 5], [], '64 images give no batch of 80')
])
def test_bad_input(tmp_path, options, arguments, settings, message):
    output = run_tool(
        TOOL, STUDENT_CONFIG, '--work-dir', tmp_path, '--no-teacher',
        *arguments, *options, *settings, code=1)
    assert message in output and 'Traceback' not in output
    assert not [*tmp_path.iterdir()]


def test_iterations(module, recipe, build_runner):
    """Epochs of a training whose length is given in iterations."""
    tool = module('browse_views')
    recipe.train_cfg = dict(type='mmdeit.IterBasedTrainLoop', max_iters=6)
    loop = build_runner(recipe).train_loop
    assert tool.last_position(loop, 0) == 63
    assert tool.last_position(loop, 1) == 31
    with pytest.raises(ValueError, match='counted from 0, is 1'):
        tool.last_position(loop, 2)
    recipe.train_dataloader.sampler = dict(type='InfiniteSampler')
    loop = build_runner(recipe).train_loop
    assert tool.last_position(loop, 0) == 95
    passes = tool.find_passes(loop, 0, range(94, 96))
    assert [part[-1].position for part in passes] == [94, 95]


def test_help():
    output = run_tool(TOOL, '--help')
    for part in ('--epoch', 'counted from 0', '--no-teacher', '--cfg-options'):
        assert part in output
