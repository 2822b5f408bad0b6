"""What the configs of the recipe build, on any machine."""
from pathlib import Path

from mmengine.config import Config
from mmengine.optim import OptimWrapper, build_optim_wrapper
from mmengine.registry import MODELS
from torch import nn

ROOT = Path(__file__).resolve().parents[2]
CONFIGS = dict(
    tiny='configs/deit/deit-tiny.py',
    tiny_distilled='configs/deit/deit-tiny-distilled.py')
SCHEDULE = 'configs/_base_/schedules/deit_bs1024_adamw_300e.py'


def build_model(name: str) -> nn.Module:
    """Build the classifier of a config, uninitialised."""
    cfg = Config.fromfile(ROOT / CONFIGS[name])
    return MODELS.build(
        dict(cfg.model, data_preprocessor=cfg.data_preprocessor))


def build_optimizer(model: nn.Module, path: str) -> OptimWrapper:
    """Build the optimiser of a config; in fp32, which a CPU can do."""
    optim_wrapper = Config.fromfile(ROOT / path).optim_wrapper
    optim_wrapper.type = 'OptimWrapper'
    for key in ('dtype', 'loss_scale'):
        optim_wrapper.pop(key)
    return build_optim_wrapper(model, optim_wrapper)
