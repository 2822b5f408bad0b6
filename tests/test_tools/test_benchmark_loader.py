import re

import cv2
import numpy as np
import pytest

from mmdeit.datasets import View
from tests.tools import ROOT, run_tool

TOOL = 'tools/analysis_tools/benchmark_loader.py'
CONFIG = ROOT / 'configs/deit/deit-small-distilled_custom.py'


@pytest.fixture
def photographs(tmp_path):
    """Five images of two classes, and the options that name them."""
    for split in ('train', 'val'):
        for i in range(5):
            folder = tmp_path / split / 'ab'[i % 2]
            folder.mkdir(parents=True, exist_ok=True)
            cv2.imwrite(str(folder / f'{i}.jpg'),
                        np.full((40, 50, 3), 40 * i, np.uint8))
    return ['--cfg-options', *(
        f'{split}_dataloader.dataset.data_root={tmp_path}'
        for split in ('train', 'val', 'test'))]


def test_the_tables(photographs):
    output = run_tool(TOOL, CONFIG, '--rounds', 2, '--images', 4, *photographs)
    assert '2 rounds of 12 views of 4 images, batches of 4, 0 w' in output
    rows = [[cell.strip() for cell in line.split('|')[1:-1]]
            for line in output.splitlines() if line.startswith('|')]
    assert [row[0] for row in rows if len(row) == 4][2:] == [
        'by index, as in mmengine', 'by view', 'by view, 3 of an image in a row'
    ]
    assert re.fullmatch(r'\d\.\d{3} \(\d\.\d{3} - \d\.\d{3}\)', rows[3][3])
    parts = {row[0]: row[2] for row in rows if len(row) == 3}
    assert list(parts)[2:] == [
        'seed it, and add its key', 'find its entry', 'LoadImageFromFile',
        'RandomResizedCrop', 'RandomFlip', 'RandAugment', 'PackInputs',
        'stack to a batch']
    shares = [float(share.rstrip('%')) for share in list(parts.values())[2:]]
    assert sum(shares) == pytest.approx(100, abs=0.5)


def test_a_config_against_another(photographs, tmp_path):
    other = tmp_path / 'other.py'
    other.write_text(
        f"_base_ = '{CONFIG}'\npipeline = [*_base_.train_pipeline]\n"
        "pipeline.pop(3)  # RandAugment\n"
        "train_dataloader = dict(dataset=dict(pipeline=pipeline))\n")
    output = run_tool(TOOL, CONFIG, '--against', other, '--rounds', 2,
                      '--images', 4, *photographs)
    rows = [[cell.strip() for cell in line.split('|')[1:-1]]
            for line in output.splitlines() if line.startswith('|')]
    heads = ['against', 'config', 'times as fast']
    assert rows[0] == ['ms per view', *heads]
    assert [row[0] for row in rows[2:5]] == [
        'by index, as in mmengine', 'by view', 'by view, 3 of an image in a row'
    ]
    for _, theirs, ours, ratio in rows[2:5]:
        assert float(theirs) > 0 < float(ours)
        assert re.fullmatch(r'\d\.\d{3} \(\d\.\d{3} - \d\.\d{3}\)', ratio)
    assert rows[5] == ['one view, in this process', *heads]
    parts = {name: times for name, *times in rows[7:]}
    assert 'RandomResizedCrop' in parts and 'RandAugment' not in parts
    theirs, ours, ratio = map(float, parts['LoadImageFromFile'])
    assert theirs / ours == pytest.approx(ratio, rel=0.1)


def test_one_view_of_an_image(options):
    """Nothing is in a row then."""
    output = run_tool(TOOL, ROOT / 'configs/demo/student.py', '--rounds', 1,
                      '--images', 100, *options)
    assert '1 rounds of 64 views of 64 images, batches of 16' in output
    assert 'by view' in output and 'in a row' not in output


def test_all_load_the_same_images(monkeypatch):
    """In an order in which an image is decoded three times, or once."""
    monkeypatch.syspath_prepend(ROOT / 'tools/analysis_tools')
    from loaders import Loaders as loaders
    asked = []

    class Dataset:
        def __len__(self):
            return 7

        def __getitem__(self, index):
            asked.append(index)
            return dict(index=index)

    all_three = loaders(
        dict(
            dataset=Dataset(),
            batch_size=4,
            collate_fn=dict(type='default_collate'),
            sampler=dict(num_repeats=3)), 4, 0, seed=1)
    all_three.time_round(1)
    by_index, by_view, in_a_row = np.array(asked).reshape(3, 12)
    assert len(set(by_index[:4])) == 4
    assert (by_view == by_index).all()
    assert (np.repeat(by_index[:4], 3) != by_index).any()
    assert sorted(in_a_row) == sorted(by_index)
    views = [loader.sampler for loader in all_three.loaders.values()][1:]
    assert sorted(views[0]) == sorted(views[1])
    assert views[1][1] == View(by_index[0], 1, 1, 1)


@pytest.mark.parametrize('arguments, line', [
    (['--rounds', 0], '--rounds is 0, --images 64, --num-workers 0, --seed 0'),
    (['--num-workers', -1], '--rounds is 10, --images 64, --num-workers -1'),
])
def test_numbers(arguments, line):
    assert f'error: {line}' in run_tool(TOOL, CONFIG, *arguments, code=2)


def test_a_config_that_does_not_train(options):
    assert 'no train_dataloader: give a config that trains' in run_tool(
        TOOL, ROOT / 'configs/demo/student.py', *options,
        'train_dataloader=None', code=1)
