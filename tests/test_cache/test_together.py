"""Two trainings that fill one cache at once, in processes of their own."""
import json

import numpy as np
import pytest
from mmengine.config import ConfigDict

from mmdeit.cache.answers import known
from tests.forked import Training
from tests.recipe import assert_ends_alike, recipe


@pytest.mark.parametrize('mode', ['hard', 'soft'])
def test_two_students_fill_one_cache(
        mode, folder, teacher, tmp_path, build_runner):
    """Whichever begins it, says the views of both; both end as if alone."""

    def cfg_of(seed, **cache):
        cfg = recipe(folder, randomness=dict(seed=seed))
        cfg.model.head.loss.mode = mode
        cfg.default_hooks.teacher = ConfigDict(
            type='mmdeit.TeacherHook', preflight=0, teacher=teacher, **cache)
        return cfg

    trainings = {}
    for seed in (1, 2):
        config = tmp_path / f'{seed}.py'
        cfg_of(seed, cache=dict(
            folder=str(tmp_path / 'cache'), top_k=None)).dump(config)
        trainings[seed] = Training(
            tmp_path / f'{seed}.log', config, '--work-dir',
            tmp_path / f'at-once-{seed}')
    for training in trainings.values():
        assert training.end() == 0, training.output
        assert 'not written' not in training.output
    index = json.loads((tmp_path / 'cache/cache.json').read_text())
    views = index['fingerprint']['seed']
    assert views in (1, 2)
    for seed in trainings:
        alone = cfg_of(seed, cache=dict(
            folder=str(tmp_path / 'alone'), top_k=None))
        alone.train_cfg.seed = views
        alone.work_dir = str(tmp_path / f'alone-{seed}')
        build_runner(alone).train()
        assert_ends_alike(tmp_path / f'at-once-{seed}/iter_9.pth',
                          tmp_path / f'alone-{seed}/iter_9.pth')
    for path in (tmp_path / 'alone').glob('epoch_*.npy'):
        rows = np.load(path)
        assert known(rows).all()
        assert rows.tobytes() == np.load(
            tmp_path / 'cache' / path.name).tobytes()
    assert not list((tmp_path / 'cache').glob('*.part'))
