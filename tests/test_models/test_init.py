"""What importing the models brings with it."""
import os
import subprocess
import sys

import pytest
import torch
from mmengine.logging import HistoryBuffer
from mmengine.utils import digit_version

# Before, torch.load was not safe, and refused nothing.
REFUSES = digit_version(torch.__version__) >= digit_version('2.6')


@pytest.mark.parametrize('package', ['mmengine.runner', 'mmdeit.models'])
def test_checkpoints_of_mmengines_own_hook_can_be_loaded(package, tmp_path):
    """As mmdet's tools do it: they know nothing of this package."""
    file = tmp_path / 'epoch_1.pth'
    log = HistoryBuffer([1., 2.], [1, 1])
    torch.save(dict(message_hub=dict(log_scalars=dict(loss=log))), file)
    result = subprocess.run(
        [sys.executable, '-c',
         f'import torch, {package}; torch.load({str(file)!r})'],
        capture_output=True,
        text=True,
        # which the tools of other projects do not set
        env={key: value for key, value in os.environ.items()
             if key != 'TORCH_FORCE_WEIGHTS_ONLY_LOAD'})
    if REFUSES and package == 'mmengine.runner':
        assert 'Unsupported global' in result.stderr
    else:
        assert result.returncode == 0, result.stderr
