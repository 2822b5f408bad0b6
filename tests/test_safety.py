"""No file that a checkpoint comes in runs code, whichever way it enters.

Each has a canary, a pickle that creates a file when it is loaded, in the
formats of torch since 1.6 (a zip archive) and before (a plain pickle).
"""
import hashlib
import importlib.util
from copy import deepcopy
from pathlib import Path

import pytest
import torch
from mmengine.registry import MODELS

from mmdeit.checkpoints import force_weights_only, load_weights
from mmdeit.models import DistilledVisionTransformer
from mmdeit.teachers import Teacher

ROOT = Path(__file__).resolve().parents[1]
ARCH = dict(embed_dims=8, num_layers=1, num_heads=2, feedforward_channels=16)


class Canary:
    """Creates a file when it is unpickled."""

    def __init__(self, path):
        self.path = str(path)

    def __reduce__(self):
        return open, (self.path, 'w')


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv('TORCH_HOME', str(tmp_path / 'cache'))
    monkeypatch.setenv('TORCH_FORCE_WEIGHTS_ONLY_LOAD', '1')  # as it was, later
    monkeypatch.delenv('TORCH_FORCE_WEIGHTS_ONLY_LOAD')
    return tmp_path


@pytest.fixture(params=['zip', 'legacy'])
def bad(request, folder):
    """A checkpoint with weights, as they should be, and a canary."""
    path = folder / 'bad.pth'
    torch.save(
        dict(state_dict={}, meta=dict(epoch=1, iter=4), message_hub={},
             extra=Canary(folder / 'ran')),
        path, _use_new_zipfile_serialization=request.param == 'zip')
    return path


def load_tool(name):
    path = ROOT / 'tools' / f'{name}.py'
    spec = importlib.util.spec_from_file_location(path.stem, path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def run_tool(name, monkeypatch, *arguments):
    if name.startswith('analysis_tools'):
        monkeypatch.syspath_prepend(ROOT / 'tools/analysis_tools')
    monkeypatch.setattr('sys.argv', [name, *map(str, arguments)])
    load_tool(name).main()


def load_from(bad, cfg, build, monkeypatch):
    cfg.load_from = str(bad)
    build(cfg).train()


def resume_file(bad, cfg, build, monkeypatch):
    cfg.resume = True
    load_from(bad, cfg, build, monkeypatch)


def resume_newest(bad, cfg, build, monkeypatch):
    Path(cfg.work_dir).mkdir()
    Path(cfg.work_dir, 'last_checkpoint').write_text(str(bad))
    cfg.resume = True
    build(cfg).train()


def test(bad, cfg, build, monkeypatch):
    cfg.load_from = str(bad)
    build(cfg).test()


def init_cfg(bad, cfg, build, monkeypatch):
    DistilledVisionTransformer(ARCH, img_size=32, init_cfg=dict(
        type='Pretrained', checkpoint=str(bad))).init_weights()


def another_backbone(bad, cfg, build, monkeypatch):
    """One of mmpretrain, which mmengine initialises."""
    MODELS.build(dict(
        type='ResNet', depth=18, init_cfg=dict(
            type='Pretrained', checkpoint=str(bad)))).init_weights()


def teacher_of(**model):
    def way(bad, cfg, build, monkeypatch):
        Teacher(dict(model), str(bad))

    return way


def torchvision_cache(bad, cfg, build, monkeypatch):
    """What its own loader would unpickle in full."""
    file = cached(bad, 'squeezenet1_1-b8a52dc0.pth')
    monkeypatch.setattr(  # as if the hash were right
        'mmdeit.checkpoints.loading.fetch_checkpoint', lambda url: file)
    Teacher(dict(
        type='mmdeit.TorchvisionClassifier', model_name='squeezenet1_1'))


def cached(bad, name):
    path = Path(torch.hub.get_dir(), 'checkpoints', name)
    path.parent.mkdir(parents=True)
    return bad.rename(path)


def download_cache(bad, cfg, build, monkeypatch):
    digits = hashlib.sha256(bad.read_bytes()).hexdigest()[:8]
    name = f'net-{digits}.pth'
    cached(bad, name)
    cfg.load_from = f'https://example.org/{name}'
    build(cfg).train()


def hugging_face(bad, cfg, build, monkeypatch):
    transformers = pytest.importorskip('transformers')
    config = transformers.ResNetConfig(
        embedding_size=4, hidden_sizes=[8], depths=[1],
        architectures=['ResNetForImageClassification'])
    config.save_pretrained(bad.parent / 'hub')
    bad.rename(bad.parent / 'hub/pytorch_model.bin')
    Teacher(dict(type='mmdeit.HuggingFaceClassifier',
                 model_name=str(bad.parent / 'hub'), pretrained=True))


def timm_folder(bad, cfg, build, monkeypatch):
    timm = pytest.importorskip('timm')
    hub = bad.parent / 'hub'
    timm.models.save_for_hf(timm.create_model('test_resnet'), hub,
                            safe_serialization=False)
    bad.rename(hub / 'pytorch_model.bin')
    Teacher(dict(type='mmdeit.TimmClassifier', model_name=f'local-dir:{hub}'))


def exported(bad, cfg, build, monkeypatch):
    Teacher(dict(type='mmdeit.ExportedClassifier', file=str(bad)))


def weights(bad, cfg, build, monkeypatch):
    load_weights(torch.nn.Linear(1, 1), bad)


def converter(bad, cfg, build, monkeypatch):
    run_tool('model_converters/convert_deit', monkeypatch, bad, 'b.pth')


def tool_config(cfg):
    cfg = deepcopy(cfg)
    cfg.custom_imports = dict(imports=['tests.conftest'])
    cfg.dump('config.py')
    return 'config.py'


def test_tool(bad, cfg, build, monkeypatch):
    run_tool('test', monkeypatch, tool_config(cfg), bad)


def agreement(bad, cfg, build, monkeypatch):
    run_tool('analysis_tools/analyze_agreement', monkeypatch,
             tool_config(cfg), bad)


LINEAR = dict(
    type='mmpretrain.ImageClassifier',
    backbone=dict(type='ResNet_CIFAR', depth=18),
    head=dict(type='LinearClsHead', num_classes=4, in_channels=512))
WAYS = dict(
    load_from=load_from,
    resume_file=resume_file,
    resume_newest=resume_newest,
    test=test,
    test_tool=test_tool,
    init_cfg=init_cfg,
    another_backbone=another_backbone,
    teacher=teacher_of(**LINEAR),
    teacher_timm=teacher_of(
        type='mmdeit.TimmClassifier', model_name='test_resnet.r160_in1k',
        pretrained=False),
    teacher_timm_folder=timm_folder,
    teacher_torchvision=teacher_of(
        type='mmdeit.TorchvisionClassifier', model_name='squeezenet1_1',
        weights=None),
    teacher_torchvision_cache=torchvision_cache,
    teacher_hugging_face=hugging_face,
    teacher_exported=exported,
    converter=converter,
    load_weights=weights,
    download_cache=download_cache,
    analyze_agreement=agreement)
for function in (test, test_tool):
    function.__test__ = False  # ways in, not tests


@pytest.mark.parametrize('way', WAYS)
def test_nothing_runs(way, bad, folder, cfg, build_runner, monkeypatch):
    def build(cfg):
        force_weights_only()  # as every tool does
        return build_runner(cfg)

    with pytest.raises((ValueError, SystemExit)) as error:
        WAYS[way](bad, cfg, build, monkeypatch)
    assert not (folder / 'ran').exists()
    assert '\n' not in str(error.value)
    assert 'bad.pth' in str(error.value) or 'net-' in str(
        error.value) or way.startswith('teacher')


def test_the_canary_sings(bad, folder):
    """Read unsafely, the files above would run: the test above can fail."""
    torch.load(bad, weights_only=False)
    assert (folder / 'ran').exists()
