"""In a distributed job one process examines the teacher, for all."""
import pytest

from tests.processes import run_on_two
from tests.test_teachers.toy import IMAGENET, make_config

from .test_distributed import port  # noqa: F401  a fixture


@pytest.fixture
def cfg(tmp_path):
    cfg = make_config(tmp_path, expected_accuracy=91.4)
    cfg.train_dataloader.batch_size = 8
    return cfg


def train(cfg, folder, port, *options, code=0):  # noqa: F811
    cfg.dump(str(folder / 'toy.py'))
    return run_on_two(port, 'tools/train.py', folder / 'toy.py', '--work-dir',
                      folder / 'work', *options, code=code)


def test_one_process_prints_the_table(cfg, tmp_path, port):  # noqa: F811
    # Each would measure another way as the fastest, now and then.
    cfg.custom_hooks[0].teacher.channels_last = 'auto'
    output = ''.join(train(cfg, tmp_path, port))
    assert output.count('Teacher on 128 held-out images') == 1
    assert output.count('Teacher toy: ') == 1
    assert 'loss_distill: ' in output


def test_both_stop_with_the_same_line(cfg, tmp_path, port):  # noqa: F811
    cfg.custom_hooks[0].teacher.data_preprocessor = {
        **IMAGENET, 'to_rgb': False
    }
    outputs = train(cfg, tmp_path, port, '--traceback', code=1)
    # Torch writes [rank0] before it.
    errors = [output[output.rindex('ValueError: '):] for output in outputs]
    assert errors[0] == errors[1]
    assert errors[0].startswith(
        "ValueError: teacher 'toy' has 46.09 top-1 on 128 held-out images, "
        'expected are 91.40: channel order')
    assert 'loss_distill: ' not in ''.join(outputs)
