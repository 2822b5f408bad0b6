"""The changes that docs/dense.md proposes, to configs of mmdet and mmseg."""
import re
from importlib import import_module
from pathlib import Path

import pytest
import torch
from mmengine.config import Config
from mmengine.registry import MODELS, init_default_scope

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.parametrize('number, package, path, strides', [
    (0, 'mmdet', 'mask_rcnn/mask-rcnn_r50_fpn_1x_coco.py', (4, 8, 16, 32, 64)),
    (1, 'mmseg',
     'vit/vit_deit-s16-ln_mln_upernet_8xb2-160k_ade20k-512x512.py',
     (4, 8, 16, 32)),
])
def test_changes(number, package, path, strides):
    """Applied to the config in the package's wheel."""
    text = (ROOT / 'docs/dense.md').read_text()
    diffs = re.findall(r'```diff\n(.*?)```', text, re.DOTALL)
    change = {}
    exec(''.join(  # noqa: S102
        line[1:] for line in diffs[number].splitlines(keepends=True)
        if line[0] != '-'), change)
    folder = Path(import_module(package).__file__).parent / '.mim/configs'
    cfg = Config.fromfile(folder / path)
    cfg.merge_from_dict(dict(model=change['model']))
    init_default_scope(package)
    with torch.device('meta'):  # neither memory nor random numbers
        model = MODELS.build(cfg.model)
        maps = model.extract_feat(torch.empty(1, 3, 256, 320))
    assert [(256 // stride, 320 // stride) for stride in strides
            ] == [tuple(x.shape[2:]) for x in maps]
    assert cfg.model.backbone.init_cfg.prefix == 'backbone.'
