"""A step of training and of evaluation of each ImageNet config."""
from pathlib import Path

import cv2
import numpy as np
import pytest
from mmengine.config import Config
from mmengine.runner import Runner

from mmdeit.environment import adapt_to_device

from .shrink import IMAGES, shrink

ROOT = Path(__file__).resolve().parents[1]
CONFIGS = sorted(
    path.name for path in ROOT.glob('configs/deit/*.py')
    if 'cifar10' not in path.name)


@pytest.fixture(scope='module')
def imagenet(tmp_path_factory):
    """A few images in ImageNet's layout, with its lists of labels."""
    root = tmp_path_factory.mktemp('imagenet')
    rng = np.random.default_rng(0)
    (root / 'meta').mkdir()
    for split in ('train', 'val'):
        lines = []
        for i in range(IMAGES):
            name = f'n{i:08d}/ILSVRC2012_{split}_{i + 1:08d}.JPEG'
            path = root / split / name
            path.parent.mkdir(parents=True)
            cv2.imwrite(str(path), rng.integers(0, 255, (50, 60, 3)))
            lines.append(f'{name} {250 * i}\n')
        (root / 'meta' / f'{split}.txt').write_text(''.join(lines))
    return root


@pytest.mark.parametrize('name', CONFIGS)
def test_trains_and_evaluates_a_step(name, imagenet, tmp_path, monkeypatch):
    # The Runner formats its config five times: half of this test's time.
    monkeypatch.setattr(Config, 'pretty_text', '')
    cfg = Config.fromfile(ROOT / 'configs/deit' / name)
    shrink(cfg, tmp_path)
    cfg.load_from = None
    for loader in (cfg.train_dataloader, cfg.val_dataloader):
        loader.dataset.data_root = str(imagenet)
        loader.collate_fn = dict(type='default_collate')
    cfg.work_dir = str(tmp_path / 'work')
    cfg.experiment_name = str(tmp_path)
    cfg.launcher = 'none'
    adapt_to_device(cfg)

    runner = Runner.from_cfg(cfg)
    runner.train()

    assert runner.iter == 1
    scalars = runner.message_hub.log_scalars
    assert np.isfinite(scalars['train/loss'].current())
    distils = 'distilled' in name or 'usual' in name
    assert ('train/loss_distill' in scalars) == distils
    assert 'val/accuracy/top1' in scalars
    assert ('val/accuracy/distill_top1' in scalars) == ('distilled' in name)
